#include "reconcile/hooks.h"

#include <algorithm>
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

// A path may hold what a file's name may not.
std::string record_name(const HookChange& change) {
  return Digest::of(change.path).hex() + ".json";
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

Hooks::Hooks(std::shared_ptr<const Directory> control, HttpClient& http, Metrics& metrics, Log& log,
             const Clock& clock, Random random)
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
    if (auto known = before.extract(hook.name))
      owed_.insert(std::move(known));
    owed_[hook.name].hook = hook;
  }
  if (!owed_.empty() && !thread_.joinable())
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  ++news_;
  changed_.notify_all();
}

// ---- before ----

bool Hooks::gates_passes() const {
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

Directory Hooks::folder() const { return control_->ensure("hooks/" + owner_, modes_.directory); }

void Hooks::write_down(const HookChange& change) {
  const std::lock_guard lock(mutex_);
  if (!owed_.empty())
    folder().write_atomic(record_name(change), change_json(change).dump() + "\n", modes_.file);
}

// ---- after ----

void Hooks::published(const HookChange& change) {
  const std::lock_guard lock(mutex_);
  owe(change);
}

void Hooks::owe(const HookChange& change) {
  for (auto& [name, owed] : owed_) {
    const auto older = owed.changes.find(change.path);
    HookChange newest = older == owed.changes.end() ? change : joined(older->second, change);
    if (owed.changes.empty() && owed.failures == 0)
      owed.due = clock_.steady() + (owed.hook.per_chart() ? Duration(0) : kGather);
    owed.changes.insert_or_assign(change.path, std::move(newest));
  }
  ++news_;
  changed_.notify_all();
}

void Hooks::take_over(const std::function<bool(const HookChange&)>& happened) {
  const std::lock_guard lock(mutex_);
  const auto kept = control_->find("hooks/" + owner_);
  if (!kept)
    return;
  for (const std::string& name : kept->names()) {
    const auto text = kept->read(name, kLargestRecord);
    const auto change = text ? read_change(*text) : std::nullopt;
    if (change && happened(*change))
      owe(*change);
    else
      kept->remove_file(name);  // it never came to pass, or what followed will be owed anew
  }
}

// A change that nobody is owed a call about any more is not worth writing down.
void Hooks::strike_out(const HookChange& change) {
  for (const auto& [name, owed] : owed_)
    if (owed.changes.contains(change.path))
      return;
  folder().remove_file(record_name(change));
}

std::vector<std::string> Hooks::finish(SteadyTime deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  ++news_;
  changed_.notify_all();
  const auto settled = [&] {
    return std::all_of(owed_.begin(), owed_.end(),
                       [](const auto& entry) { return entry.second.changes.empty(); });
  };
  const SteadyTime far = clock_.steady() + std::chrono::hours(24 * 365);
  changed_.wait_until(lock, stop, std::min(deadline, far), settled);
  std::vector<std::string> names;
  for (const auto& [name, owed] : owed_)
    if (!owed.changes.empty())
      names.push_back(name);
  return names;
}

// ---- running ----

void Hooks::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const SteadyTime now = clock_.steady();
    std::optional<SteadyTime> next;
    std::string name;
    for (const auto& [each, owed] : owed_) {
      if (owed.changes.empty())
        continue;
      const SteadyTime due = hurry_ && owed.failures == 0 ? now : owed.due;
      if (!next || due < *next) {
        next = due;
        name = each;
      }
    }
    const std::uint64_t news = news_;
    if (next && *next <= now)
      run_one(lock, name, stop);
    else if (next)
      changed_.wait_until(lock, stop, *next, [&] { return news != news_; });
    else
      changed_.wait(lock, stop, [&] { return news != news_; });
  }
}

void Hooks::run_one(std::unique_lock<std::mutex>& lock, const std::string& name,
                    const std::stop_token& stop) {
  const HookSpec hook = owed_[name].hook;
  std::vector<HookChange> changes;
  for (const auto& [path, change] : owed_[name].changes) {
    changes.push_back(change);
    if (hook.per_chart())
      break;
  }
  lock.unlock();
  const auto failure = failure_of([&] { call_hook(hook, changes, http_, stop); });
  lock.lock();
  if (stop.stop_requested() && failure)
    return;
  metrics_.hook_ran(name, !failure);
  const auto found = owed_.find(name);
  if (found == owed_.end())
    return;
  Owed& owed = found->second;
  if (failure) {
    ++owed.failures;
    owed.due = clock_.steady() + chart_backoff(owed.failures, retry_.min, retry_.max, random_);
    log_.warning("HookFailed", failure->what(),
                 {{"hook", name}, {"attempt", std::int64_t{owed.failures}}});
    return;
  }
  if (owed.failures > 0)
    log_.info("HookRecovered", "it ran at last", {{"hook", name}});
  owed.failures = 0;
  owed.due = clock_.steady();
  for (const HookChange& change : changes) {
    const auto now = owed.changes.find(change.path);
    if (now != owed.changes.end() && now->second == change) {
      owed.changes.erase(now);
      try {
        strike_out(change);
      } catch (const Error& error) {
        log_.warning("HookRecordStays", error.what(), {{"hook", name}});
      }
    }
  }
  changed_.notify_all();
}

}  // namespace ocisync
