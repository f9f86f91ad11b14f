#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "net/http.h"
#include "reconcile/plan.h"
#include "spec/spec.h"

namespace ocisync {

// What readers of an export path see change, as hooks are told of it.
struct HookChange {
  Action action = Action::update;  // create, update, repair or remove
  std::string chart;
  std::string reference;
  std::string version;   // of what is shown; of what was, when it is removed
  std::string digest;    // empty: removed
  std::string previous;  // digest; empty: there was none
  std::string path;      // of a gate: where the new revision waits; otherwise the export

  friend bool operator==(const HookChange&, const HookChange&) = default;
};

// What changes with this publication, or with its end (remove); `previous`: the digest shown
// before.
HookChange change_of(const Spec& spec, Action action, const Publication& publication,
                     std::string previous);

// What two changes of a path, one after the other, come to for somebody who was told of neither.
HookChange joined(const HookChange& older, HookChange newer);

// As it is written down, and as hooks get it.
Json change_json(const HookChange& change);
std::optional<HookChange> read_change(std::string_view text);  // absent: it is none

// Runs the program, calls the server or touches the file, once. A program and a server get a JSON
// document (kind HookCall) on stdin or as body; a program also OCISYNC_HOOK_ variables (without the
// names of the charts when they are too long for one), and of our own environment only PATH, HOME,
// TMPDIR, LANG and TZ: nothing that could be secret. What it prints does not matter. The file is
// made when it is missing; what is none, a link included, is refused. Throws Error(timed_out),
// (cancelled), and others for whatever is not success.
void call_hook(const HookSpec& hook, const std::vector<HookChange>& changes, HttpClient& http,
               const std::stop_token& stop);

}  // namespace ocisync
