#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/command.h"
#include "base/json.h"
#include "net/http.h"

namespace ocisync {

// Where `status` and `probe` look: at a running sidecar, or at what the last pass left on a volume.
struct StatusSource {
  std::optional<std::string> url;   // absent: that of the sidecar in this container
  std::vector<std::string> config;  // that sidecar's; says where it listens
  std::optional<std::filesystem::path> exports;
  std::optional<std::filesystem::path> ca_file;
  bool insecure_skip_verify = false;

  bool is_volume() const { return exports.has_value() && !url; }
};

void declare(Flags& flags, StatusSource& source);

// What the sidecar answers to GET `path`. Error(unavailable) and the like when it does not. The one
// in this container is found by OCISYNC_LISTEN or its spec, asked over loopback and, where it
// speaks TLS, believed as a kubelet's probe does: whatever its certificate says.
HttpResponse ask_sidecar(const StatusSource& source, std::string_view path, std::stop_token stop);

// A document of kind SyncStatus; anything else throws Error(protocol_violation).
Json parse_status(const std::string& text);

// Those of all owners of the volume, in the order of their names. Error(unavailable) before the
// first pass has ended.
std::vector<Json> read_volume_status(const StatusSource& source);

// The status of a chart's condition: True, False, Unknown.
std::string condition_status(const Json& chart, std::string_view type);

}  // namespace ocisync
