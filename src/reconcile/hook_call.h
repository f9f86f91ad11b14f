#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "net/http.h"
#include "spec/spec.h"

namespace ocisync {

// One chart's move from one revision to another, as hooks are told of it.
struct HookChange {
  std::string chart;
  std::string reference;
  std::string version;
  std::string digest;
  std::string previous;  // digest; empty: there was none
  std::string path;      // of a gate: where the new revision waits; otherwise the export

  friend bool operator==(const HookChange&, const HookChange&) = default;
};

// As it is written down, and as hooks get it.
Json change_json(const HookChange& change);
std::optional<HookChange> read_change(std::string_view text);  // absent: it is none

// Runs the program, calls the server or touches the file, once. A program and a server get a JSON
// document (kind HookCall) on stdin or as body; a program also OCISYNC_HOOK_ variables, and of our
// own environment only PATH, HOME, TMPDIR, LANG and TZ: nothing that could be secret. Throws
// Error(timed_out), (cancelled), and others for whatever is not success.
void call_hook(const HookSpec& hook, const std::vector<HookChange>& changes, HttpClient& http,
               const std::stop_token& stop);

}  // namespace ocisync
