#include <fmt/format.h>

#include "app/commands.h"
#include "app/options.h"
#include "app/output.h"
#include "app/signals.h"
#include "app/table.h"
#include "app/time_limit.h"
#include "app/wiring.h"
#include "base/document.h"
#include "base/json.h"
#include "base/text.h"
#include "reconcile/locking.h"
#include "reconcile/outcome.h"

namespace ocisync {
namespace {

constexpr int kDiffers = 4;

struct LockOptions {
  SpecOptions spec;
  TermsOptions terms;
  LogOptions log;
  std::optional<Duration> timeout;
  std::optional<OutputFormat> output;
  bool check = false;
};

void declare_lock(Flags& flags, LockOptions& options) {
  declare_asking(flags, options.spec);
  declare_lock_file(flags, options.terms);
  flags.toggle("check", options.check, "Compare only; exit 4 when the lock would change");
  declare_offline(flags, options.terms);
  declare_timeout(flags, options.timeout);
  declare_output(flags, options.output);
  declare(flags, options.log);
}

// What became of a lock file.
struct LockResult {
  std::filesystem::path path;
  std::size_t charts;
  std::vector<std::string> differences;  // one line each
  std::vector<LockFailure> failures;
  bool written;
  int exit_code;
};

std::string describe(const LockResult& result) {
  std::string text;
  for (const LockFailure& failure : result.failures)
    text += fmt::format("{}: {}: {}: {}{}\n", failure.name, to_string(failure.reason),
                        failure.reference, failure.message,
                        failure.hint.empty() ? "" : " (" + failure.hint + ")");
  for (const std::string& difference : result.differences)
    text += difference + "\n";
  const std::string path = printable(result.path.string(), 4096);
  if (!result.failures.empty())
    return text + fmt::format("{} is as it was: {} of {} charts could not be locked\n", path,
                              result.failures.size(), result.charts);
  if (result.written)
    return text + fmt::format("{}: {} locked\n", path, charts_counted(result.charts));
  return text +
         fmt::format("{}: {}\n", path, result.exit_code == 0 ? "up to date" : "not up to date");
}

std::string to_json(const LockResult& result) {
  Json differences = Json::array();
  for (const std::string& difference : result.differences)
    differences.add(difference);
  Json failures = Json::array();
  for (const LockFailure& failure : result.failures)
    failures.add(Json::object()
                     .set("name", failure.name)
                     .set("ref", failure.reference)
                     .set("reason", to_string(failure.reason))
                     .set("message", failure.message)
                     .set("hint", failure.hint));
  return document_of_kind("LockResult")
             .set("path", result.path.string())
             .set("charts", std::uint64_t{result.charts})
             .set("differences", std::move(differences))
             .set("failures", std::move(failures))
             .set("written", result.written)
             .set("exitCode", result.exit_code)
             .dump(2) +
         "\n";
}

// The lock that stands there. With --only it must, for the other charts' entries are kept; a whole
// new one replaces even what cannot be read.
LockFile lock_before(const LockOptions& options, const std::filesystem::path& path) {
  const bool needed = options.check || !options.spec.only.empty();
  try {
    if (auto lock = read_lock_file(path))
      return *std::move(lock);
  } catch (const Error&) {
    if (needed)
      throw;
  }
  if (!options.spec.only.empty())
    throw Error(Reason::spec_invalid, printable(path.string(), 1024) +
                                          ": there is no such lock file, and --only keeps the "
                                          "entries of other charts")
        .hint("lock every chart once");
  return {};
}

bool holds(const std::filesystem::path& path, const std::string& text) {
  try {
    return read_user_file(path, text.size()) == text;
  } catch (const Error&) {
    return false;  // longer, or nothing that can be read
  }
}

void write_lock_file(const std::filesystem::path& path, const std::string& text) {
  const std::filesystem::path whole = std::filesystem::absolute(path);
  try {
    Directory::open(whole.parent_path())
        .write_atomic(whole.filename().string(), text, kDefaultModes.file);
  } catch (const Error& error) {
    if (error.reason() != Reason::storage_failed)
      throw;
    throw Error(
        Reason::volume_unsuitable,
        fmt::format("{} cannot be written: {}", printable(whole.string(), 4096), error.message()));
  }
}

LockResult settle(const LockOptions& options, const std::filesystem::path& path,
                  const LockFile& before, Locking locking) {
  LockResult result{path, locking.lock.charts.size(), {}, std::move(locking.failures), false, 0};
  for (const LockFailure& failure : result.failures)
    result.exit_code = graver_exit_code(result.exit_code, failure.reason);
  if (!result.failures.empty()) {
    result.charts += result.failures.size();
    return result;
  }
  result.differences = lock_differences(before, locking.lock);
  if (options.check) {
    result.exit_code = result.differences.empty() ? 0 : kDiffers;
    return result;
  }
  const std::string text = to_text(locking.lock);
  if (!holds(path, text)) {
    write_lock_file(path, text);
    result.written = true;
  }
  return result;
}

void name_the_deadline(Locking& locking, const std::string& limit) {
  for (LockFailure& failure : locking.failures)
    if (failure.reason == Reason::cancelled) {
      failure.reason = Reason::timed_out;
      failure.message = limit + " ran out";
    }
}

int run_lock(const LockOptions& options) {
  const Duration timeout = timeout_of(options.timeout);
  Signals signals;
  const auto log = make_log(options.log);
  Spec spec = load_effective_spec(options.spec, *log);
  spec.exports.path.reset();  // exports are nothing to a lock
  const std::filesystem::path path = lock_path(options.spec, options.terms);
  const LockFile before = lock_before(options, path);
  ReadingWiring wiring(options.spec, std::move(spec),
                       Terms{.lock = nullptr, .offline = options.terms.offline}, *log);

  const TimeLimit limit(timeout, signals);
  Locking locking =
      lock_charts(wiring.sources(), wiring.lanes(), before,
                  {options.spec.only.begin(), options.spec.only.end()}, limit.token());
  if (signals.received() != 0)
    return 128 + signals.received();
  if (limit.over())
    name_the_deadline(locking, limit.text());
  const LockResult result = settle(options, path, before, std::move(locking));
  print(options.output == OutputFormat::json ? to_json(result) : describe(result));
  return result.exit_code;
}

}  // namespace

Command lock_command() {
  return make_command<LockOptions>("lock", "Write what every chart stands for to charts.lock.yaml",
                                   declare_lock, run_lock);
}

}  // namespace ocisync
