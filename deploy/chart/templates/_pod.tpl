{{- define "ocisync.selectorLabels" -}}
app.kubernetes.io/name: ocisync
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "ocisync.labels" -}}
{{ include "ocisync.selectorLabels" . }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "ocisync.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "ocisync.claim" -}}
{{ .Values.claim.existing | default (printf "%s-charts" .Release.Name) }}
{{- end }}

{{/* True in a pod that is the consumer's own. */}}
{{- define "ocisync.inPod" -}}
{{ has .Values.mode (list "init" "sidecar") | ternary "true" "" }}
{{- end }}

{{/* True where ocisync makes one pass and ends. */}}
{{- define "ocisync.once" -}}
{{ has .Values.mode (list "init" "cronjob") | ternary "true" "" }}
{{- end }}

{{- define "ocisync.podSecurity" -}}
automountServiceAccountToken: false
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "ocisync.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "ocisync.chartsVolume" -}}
- name: charts
  {{- if include "ocisync.inPod" . }}
  emptyDir:
    sizeLimit: {{ .Values.claim.size }}
  {{- else if eq .Values.mode "daemonset" }}
  hostPath:
    path: {{ .Values.hostPath }}
    type: DirectoryOrCreate
  {{- else }}
  persistentVolumeClaim:
    claimName: {{ include "ocisync.claim" . }}
  {{- end }}
{{- end }}

{{- define "ocisync.container" -}}
name: ocisync
image: {{ include "ocisync.image" . }}
args:
  - --config=/etc/ocisync/spec
  - --cache=/charts/.cache
  {{- if include "ocisync.once" . }}
  - --timeout=10m
  - --termination-log=/dev/termination-log
  {{- else }}
  - --watch
  - --listen=[::]:9786
{{- if eq .Values.mode "sidecar" }}
restartPolicy: Always # the consumer starts when the startup probe succeeds; ocisync stops after it
{{- end }}
ports:
  - name: ocisync
    containerPort: 9786
startupProbe: # ten minutes for the first fill
  httpGet: {path: /startupz, port: ocisync}
  periodSeconds: 2
  failureThreshold: 300
livenessProbe:
  httpGet: {path: /livez, port: ocisync}
readinessProbe:
  httpGet: {path: /readyz, port: ocisync}
  {{- end }}
volumeMounts:
  - name: charts
    mountPath: /charts
  - name: spec
    mountPath: /etc/ocisync/spec
    readOnly: true
  {{- if .Values.registrySecret }}
  - name: registry
    mountPath: /etc/ocisync/registry
    readOnly: true
  {{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- include "ocisync.containerSecurity" . | nindent 2 }}
{{- end }}

{{/* The consumer's containers, each with the charts mounted. */}}
{{- define "ocisync.consumer" -}}
{{- range .Values.consumer.containers }}
{{- $charts := dict "name" "charts" "mountPath" "/charts" "readOnly" true }}
{{- $mounts := append (.volumeMounts | default list) $charts }}
- {{ merge (dict "volumeMounts" $mounts) . | toYaml | nindent 2 | trim }}
{{- end }}
{{- end }}

{{- define "ocisync.pod" -}}
{{ include "ocisync.podSecurity" . }}
{{- if eq .Values.mode "cronjob" }}
restartPolicy: Never
{{- else if eq .Values.mode "daemonset" }}
initContainers:
  # The kubelet makes a hostPath directory for root, and fsGroup does not reach it. Only this container is root.
  - name: own-directory
    image: {{ .Values.ownerImage }}
    command: [chown, "65532:65532", /charts]
    volumeMounts:
      - name: charts
        mountPath: /charts
    resources:
      requests: {cpu: 10m, memory: 16Mi}
      limits: {memory: 64Mi}
    securityContext:
      runAsNonRoot: false
      runAsUser: 0
      runAsGroup: 0
      {{- include "ocisync.containerSecurity" . | nindent 6 }}
        add: [CHOWN]
{{- end }}
{{- if include "ocisync.inPod" . }}
initContainers:
  - {{ include "ocisync.container" . | nindent 4 | trim }}
containers:
  {{- include "ocisync.consumer" . | trim | nindent 2 }}
{{- else }}
containers:
  - {{ include "ocisync.container" . | nindent 4 | trim }}
{{- end }}
volumes:
  {{- include "ocisync.chartsVolume" . | nindent 2 }}
  - name: spec
    configMap:
      name: {{ .Release.Name }}-spec
  {{- if .Values.registrySecret }}
  - name: registry
    secret:
      secretName: {{ .Values.registrySecret }}
      defaultMode: 0440
  {{- end }}
  {{- if include "ocisync.inPod" . }}
  {{- with .Values.consumer.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
{{- end }}
