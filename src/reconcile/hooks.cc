#include "reconcile/hooks.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "export/export_volume.h"
#include "oci/digest.h"
#include "reconcile/failure.h"

namespace ocisync {
namespace {

constexpr Duration kGather = std::chrono::seconds(1);  // changes that come together are one call
constexpr std::uint64_t kLargestRecord = 64 * 1024;

// What is owed about a path, and what is about to happen there; a path may hold what a file's name
// may not.
std::string record_name(const HookChange& change) {
  return Digest::of(change.path).hex() + ".json";
}

std::string plan_name(const HookChange& change) {
  return Digest::of(change.path).hex() + ".next.json";
}

// By what a call that tells of the path is found.
std::string key_of(const HookSpec& hook, const std::string& path) {
  return hook.per_chart() ? path : std::string();
}

// In front of what is logged of a call.
std::string about(const HookSpec& hook, const HookChange& change) {
  return hook.per_chart() ? change.chart + ": " : std::string();
}

// A gate that cannot be reached has not judged: a retry may help.
Error refusal(const HookSpec& gate, const std::vector<HookChange>& changes, const Error& why) {
  const std::string what = gate.per_chart() ? changes.front().version
                                            : fmt::format("a pass of {} charts", changes.size());
  if (why.fault() == Fault::retry)
    return Error(why.reason(), fmt::format("the gate {} could not be asked about {}: {}", gate.name,
                                           what, why.what()))
        .stage("verify")
        .hint("the old revision stays until the gate agrees");
  return Error(Reason::verification_failed,
               fmt::format("the gate {} refused {}: {}", gate.name, what, why.what()))
      .stage("verify")
      .hint("the old revision stays; the gate is asked again with the next check");
}

}  // namespace

Hooks::Hooks(Control control, HttpClient& http, Metrics& metrics, Log& log, const Clock& clock,
             Random random)
    : control_(std::move(control)),
      http_(http),
      metrics_(metrics),
      log_(log),
      clock_(clock),
      random_(std::move(random)) {}

Hooks::~Hooks() = default;

void Hooks::follow(const Spec& spec) {
  const std::lock_guard lock(mutex_);
  owner_ = spec.name;
  modes_ = modes_of(spec.exports);
  retry_ = spec.retry;
  gates_.clear();
  auto before = std::exchange(owed_, {});
  for (const HookSpec& hook : spec.hooks) {
    if (hook.when == HookSpec::When::gate) {
      gates_.push_back(hook);
      continue;
    }
    Owed& known = before[hook.name];
    Owed& owed = owed_[hook.name];
    owed.hook = hook;
    owed.called = known.called;
    if (known.hook.per_chart() == hook.per_chart())
      owed.calls.swap(known.calls);
    for (const auto& [key, call] : known.calls)  // they are grouped otherwise from now on
      for (const auto& [path, change] : call.changes)
        owe(owed, change);
  }
  if (!owed_.empty() && !thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  ++news_;
  changed_.notify_all();
}

// ---- before ----

bool Hooks::has_pass_gates() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(gates_.begin(), gates_.end(),
                     [](const HookSpec& gate) { return !gate.per_chart(); });
}

void Hooks::ask_gates(HookSpec::Per per, const std::vector<HookChange>& changes,
                      const std::stop_token& stop) {
  const auto gates = [&] {
    const std::lock_guard lock(mutex_);
    return gates_;
  }();
  for (const HookSpec& gate : gates) {
    if (gate.per_chart() != (per == HookSpec::Per::chart))
      continue;
    try {
      call_hook(gate, changes, http_, stop);
      metrics_.hook_ran(gate.name, true);
    } catch (Error& error) {
      if (error.reason() != Reason::cancelled)
        metrics_.hook_ran(gate.name, false);
      if (error.reason() == Reason::cancelled || error.reason() == Reason::timed_out)
        throw;
      throw refusal(gate, changes, error);
    }
  }
}

Directory Hooks::folder() const { return control_()->ensure("hooks/" + owner_, modes_.directory); }

void Hooks::write_down(const HookChange& change) {
  const std::lock_guard lock(mutex_);
  if (!owed_.empty())
    folder().write_atomic(plan_name(change), change_json(change).dump() + "\n", modes_.file);
}

// ---- after ----

void Hooks::published(const HookChange& change) {
  const std::lock_guard lock(mutex_);
  owe(change);
  if (owed_.empty())
    return;
  // The plan may be gone, with the volume or by the hand of a process that starts beside us.
  const auto record = [&] {
    const Directory records = folder();
    if (records.status(plan_name(change)))
      records.rename(plan_name(change), records, record_name(change));
    else
      records.write_atomic(record_name(change), change_json(change).dump() + "\n", modes_.file);
  };
  if (const auto failure = failure_of(record))
    log_.warning("HookNotWrittenDown", failure->what(), {{"path", change.path}});
}

void Hooks::owe(const HookChange& change) {
  for (auto& [name, owed] : owed_)
    owe(owed, change);
  ++news_;
  changed_.notify_all();
}

void Hooks::owe(Owed& owed, const HookChange& change) const {
  const auto [entry, is_new] = owed.calls.try_emplace(key_of(owed.hook, change.path));
  Call& call = entry->second;
  if (is_new)
    call.due = clock_.steady() + (owed.hook.per_chart() ? Duration(0) : kGather);
  const auto older = call.changes.find(change.path);
  call.changes.insert_or_assign(
      change.path, older == call.changes.end() ? change : joined(older->second, change));
}

void Hooks::take_over(const std::function<bool(const HookChange&)>& happened) {
  const std::lock_guard lock(mutex_);
  // What somebody else put there must not keep us from starting.
  const auto try_to = [&](const std::function<void()>& act) {
    if (const auto failure = failure_of(act))
      log_.warning("HookRecordUnreadable", failure->what());
  };
  try_to([&] {
    const auto kept = control_()->find("hooks/" + owner_);
    if (!kept)
      return;
    auto names = kept->names();
    std::sort(names.begin(), names.end());  // of a path what is owed, then what was about to happen
    for (const std::string& name : names)
      try_to([&] { take_over(*kept, name, happened); });
  });
}

void Hooks::take_over(const Directory& kept, const std::string& name,
                      const std::function<bool(const HookChange&)>& happened) {
  const auto text = kept.read(name, kLargestRecord);
  const auto change = text ? read_change(*text) : std::nullopt;
  if (change && happened(*change)) {
    owe(*change);
    kept.rename(name, kept, record_name(*change));
  } else {
    kept.remove_file(name);  // it never came to pass, or what followed will be owed anew
  }
}

// A change that nobody is owed a call about any more is not worth writing down.
void Hooks::strike_out(const HookChange& change) {
  for (const auto& [name, owed] : owed_) {
    const auto call = owed.calls.find(key_of(owed.hook, change.path));
    if (call != owed.calls.end() && call->second.changes.contains(change.path))
      return;
  }
  try {
    folder().remove_file(record_name(change));
  } catch (const Error& error) {
    log_.warning("HookRecordStays", error.what(), {{"path", change.path}});
  }
}

std::vector<std::string> Hooks::finish(SteadyTime deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  ++news_;
  changed_.notify_all();
  const auto settled = [&] {
    return std::all_of(owed_.begin(), owed_.end(),
                       [](const auto& entry) { return entry.second.calls.empty(); });
  };
  const SteadyTime far = clock_.steady() + std::chrono::hours(24 * 365);
  changed_.wait_until(lock, stop, std::min(deadline, far), settled);
  std::vector<std::string> names;
  for (const auto& [name, owed] : owed_)
    if (!owed.calls.empty())
      names.push_back(name);
  return names;
}

// ---- running ----

void Hooks::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const SteadyTime now = clock_.steady();
    // Of what is due the hook that waits longest, so that none waits for all calls of another.
    std::optional<std::tuple<SteadyTime, SteadyTime, SteadyTime>> next;
    std::string name, key;
    for (const auto& [each, owed] : owed_)
      for (const auto& [which, call] : owed.calls) {
        const SteadyTime due = hurry_ && call.failures == 0 ? std::min(call.due, now) : call.due;
        const std::tuple turn(std::max(due, now), owed.called, due);
        if (!next || turn < *next) {
          next = turn;
          name = each;
          key = which;
        }
      }
    const std::uint64_t news = news_;
    if (next && std::get<0>(*next) <= now)
      run_one(lock, name, key, stop);
    else if (next)
      changed_.wait_until(lock, stop, std::get<0>(*next), [&] { return news != news_; });
    else
      changed_.wait(lock, stop, [&] { return news != news_; });
  }
}

void Hooks::run_one(std::unique_lock<std::mutex>& lock, const std::string& name,
                    const std::string& key, const std::stop_token& stop) {
  Owed& before = owed_.at(name);
  before.called = clock_.steady();
  const HookSpec hook = before.hook;
  std::vector<HookChange> changes;
  for (const auto& [path, change] : before.calls.at(key).changes)
    changes.push_back(change);
  lock.unlock();
  const auto failure = failure_of([&] { call_hook(hook, changes, http_, stop); });
  lock.lock();
  if (stop.stop_requested() && failure)
    return;
  metrics_.hook_ran(name, !failure);
  const auto found = owed_.find(name);
  if (found == owed_.end() || !found->second.calls.contains(key))
    return;
  Call& call = found->second.calls.at(key);
  const std::string chart = about(hook, changes.front());
  if (failure) {
    ++call.failures;
    call.due = clock_.steady() + chart_backoff(call.failures, retry_.min, retry_.max, random_);
    log_.warning("HookFailed", chart + failure->what(),
                 {{"hook", name}, {"attempt", std::int64_t{call.failures}}});
    return;
  }
  if (call.failures > 0)
    log_.info("HookRecovered", chart + "it ran at last", {{"hook", name}});
  call.failures = 0;
  call.due = clock_.steady();
  for (const HookChange& change : changes) {
    const auto now = call.changes.find(change.path);
    if (now != call.changes.end() && now->second == change) {
      call.changes.erase(now);
      strike_out(change);
    }
  }
  if (call.changes.empty())
    found->second.calls.erase(key);
  changed_.notify_all();
}

}  // namespace ocisync
