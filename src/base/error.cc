#include "base/error.h"

#include <array>
#include <cerrno>
#include <system_error>

namespace ocisync {
namespace {

constexpr auto kReasons = std::to_array<std::pair<Reason, ReasonFacts>>({
    {Reason::spec_invalid, {"SpecInvalid", Fault::stop, 2, "the spec file is wrong"}},
    {Reason::usage_invalid, {"UsageInvalid", Fault::stop, 2, "the command line is wrong"}},
    {Reason::volume_unsuitable,
     {"VolumeUnsuitable", Fault::stop, 2, "the volume cannot be used as asked"}},
    {Reason::format_unknown,
     {"FormatUnknown", Fault::stop, 2, "the volume was written by a newer version"}},
    {Reason::reference_invalid,
     {"ReferenceInvalid", Fault::wait_for_person, 3, "a reference breaks the grammar"}},
    {Reason::not_found,
     {"NotFound", Fault::wait_for_person, 3, "the registry has no such tag, repository or blob"}},
    {Reason::no_matching_version,
     {"NoMatchingVersion", Fault::wait_for_person, 3, "no tag satisfies the version range"}},
    {Reason::unauthorized,
     {"Unauthorized", Fault::wait_for_person, 3, "the registry refused the credentials"}},
    {Reason::credentials_invalid,
     {"CredentialsInvalid", Fault::wait_for_person, 3, "a credential source cannot be used"}},
    {Reason::rate_limited, {"RateLimited", Fault::retry, 1, "the registry asked to slow down"}},
    {Reason::unavailable,
     {"Unavailable", Fault::retry, 1, "the registry could not be reached or failed to answer"}},
    {Reason::timed_out, {"TimedOut", Fault::retry, 1, "a step took longer than allowed"}},
    {Reason::tls_failed,
     {"TLSFailed", Fault::wait_for_person, 3, "the TLS connection could not be trusted"}},
    {Reason::policy_refused,
     {"PolicyRefused", Fault::wait_for_person, 3, "a safety rule forbids what the server asked"}},
    {Reason::protocol_violation,
     {"ProtocolViolation", Fault::wait_for_person, 3, "the answer breaks the protocol"}},
    {Reason::digest_mismatch,
     {"DigestMismatch", Fault::fetch_again, 3, "the bytes do not match their digest"}},
    {Reason::limit_exceeded,
     {"LimitExceeded", Fault::wait_for_person, 3, "something is larger than its limit"}},
    {Reason::unsupported,
     {"Unsupported", Fault::wait_for_person, 3, "the artifact is not a chart this tool reads"}},
    {Reason::ambiguous_chart,
     {"AmbiguousChart", Fault::wait_for_person, 3, "the index holds more than one chart"}},
    {Reason::chart_invalid,
     {"ChartInvalid", Fault::wait_for_person, 3, "the chart archive is malformed or hostile"}},
    {Reason::verification_failed,
     {"VerificationFailed", Fault::wait_for_person, 3, "a gate refused it"}},
    {Reason::path_conflict,
     {"PathConflict", Fault::wait_for_person, 3, "something foreign is in the export's place"}},
    {Reason::lock_mismatch,
     {"LockMismatch", Fault::wait_for_person, 3, "the lock file and the registry disagree"}},
    {Reason::offline_miss,
     {"OfflineMiss", Fault::wait_for_person, 3, "needed while offline, but not in the cache"}},
    {Reason::disk_full, {"DiskFull", Fault::retry, 1, "the volume has no space left"}},
    {Reason::storage_failed,
     {"StorageFailed", Fault::retry, 1, "reading or writing a volume failed"}},
    {Reason::generation_held,
     {"GenerationHeld", Fault::retry, 1, "the snapshot waits for charts that fail or are missing"}},
    {Reason::rolled_back,
     {"RolledBack", Fault::wait_for_person, 3, "the snapshot was rolled back and stays there"}},
    {Reason::cancelled, {"Cancelled", Fault::stop, 1, "the run was stopped"}},
    {Reason::internal, {"Internal", Fault::stop, 1, "a defect in ocisync"}},
});

constexpr auto kReasonList = [] {
  std::array<Reason, kReasons.size()> list{};
  for (std::size_t i = 0; i < list.size(); ++i)
    list[i] = kReasons[i].first;
  return list;
}();

// The table is read by index; it must stay in the order of the enum.
constexpr bool in_order() {
  for (std::size_t i = 0; i < kReasons.size(); ++i)
    if (static_cast<std::size_t>(kReasons[i].first) != i)
      return false;
  return true;
}

static_assert(in_order());

}  // namespace

const ReasonFacts& facts(Reason reason) {
  return kReasons[static_cast<std::size_t>(reason)].second;
}

std::span<const Reason> all_reasons() { return kReasonList; }

Error::Error(Reason reason, std::string message)
    : reason_(reason), message_(std::move(message)), what_(message_) {}

Error& Error::during(std::string activity) {
  what_ = std::move(activity) + ": " + what_;
  return *this;
}

Error& Error::hint(std::string text) {
  if (hint_.empty())
    hint_ = std::move(text);
  return *this;
}

Error& Error::stage(std::string_view name) {
  if (stage_.empty())
    stage_ = name;
  return *this;
}

Error& Error::http_status(int status) {
  http_status_ = status;
  return *this;
}

Error& Error::not_before(std::chrono::steady_clock::time_point when) {
  not_before_ = when;
  return *this;
}

Error system_error(int code, std::string what) {
  const bool full = code == ENOSPC || code == EDQUOT;
  Error error(full ? Reason::disk_full : Reason::storage_failed,
              std::move(what) + ": " + std::generic_category().message(code));
  if (code == EACCES || code == EPERM || code == EROFS)
    error.hint("check the volume's owner, mode and read-only flag");
  return error;
}

}  // namespace ocisync
