#include "spec/codec.h"
#include "spec/schema.h"

namespace ocisync {
namespace {

Object<HttpSpec> server_tls_schema() {
  return Object<HttpSpec>({
      field<HttpSpec>("certFile", &HttpSpec::cert_file, file(), "The certificate, PEM.")
          .needs("keyFile")
          .sample("/etc/ocisync/tls.crt"),
      field<HttpSpec>("keyFile", &HttpSpec::key_file, file(), "The key to it, PEM.")
          .needs("certFile")
          .sample("/etc/ocisync/tls.key"),
  });
}

}  // namespace

Object<HttpSpec> http_schema() {
  return Object<HttpSpec>({
      field<HttpSpec>("listen", &HttpSpec::listen, any_text("an address", "host:port"),
                      "Where --watch listens; a single pass does so with --listen only.")
          .restart(),
      field<HttpSpec>("maxStaleness", &HttpSpec::max_staleness, duration(Duration(0)),
                      "Above 0: not ready when a required chart's last success is older."),
      field<HttpSpec>("page", &HttpSpec::page, flag(),
                      "The page for people, and the detail of /status."),
      field<HttpSpec>("perChartMetrics", &HttpSpec::per_chart_metrics, flag(),
                      "Series for each chart, not sums alone."),
      field<HttpSpec>("adminTokenFile", &HttpSpec::admin_token_file, file(),
                      "The bearer token that opens /-/sync and /-/reload.")
          .sample("/etc/ocisync/admin-token"),
      section<HttpSpec>("tls", server_tls_schema(), "Speak HTTPS."),
  });
}

}  // namespace ocisync
