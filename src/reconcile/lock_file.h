#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "spec/spec.h"

namespace ocisync {

// What one chart of the spec stood for when it was locked.
struct LockedChart {
  std::string name;
  std::string reference;  // as the spec writes it
  std::string version;    // as the spec writes it; empty when it does not
  std::string tag;        // that was resolved; empty for a digest alone
  Digest manifest;        // what the registry called it: an index's own digest
  Digest content;
  std::uint64_t content_size;
  std::string chart_name;  // Chart.yaml's
  std::string chart_version;

  friend bool operator==(const LockedChart&, const LockedChart&) = default;
};

// charts.lock.yaml as a value: the digests that `lock` wrote and --locked publishes.
struct LockFile {
  std::vector<LockedChart> charts;  // sorted by name, no two alike

  const LockedChart* find(std::string_view name) const;
  // Puts an entry in its place, over one of that name.
  void set(LockedChart chart);

  friend bool operator==(const LockFile&, const LockFile&) = default;
};

// The file's text: equal values, equal bytes; a block a chart, so that changes merge and read well.
std::string to_text(const LockFile& lock);

// Reads only what to_text writes. Throws Error(spec_invalid) with one line that names `file`, line
// and column, and says what to do.
LockFile parse_lock_file(std::string_view text, std::string_view file);
// Absent when there is no such file.
std::optional<LockFile> read_lock_file(const std::filesystem::path& path);

// The reference a chart is locked to, its tag included.
Reference locked_reference(const ChartSpec& chart, const LockedChart& locked);

// Why the lock cannot serve this spec, one line a chart: missing from it, or written otherwise in
// the spec since. Empty when it can.
std::vector<std::string> lock_complaints(const Spec& spec, const LockFile& lock);

// What tells `now` from `before`, one line a difference.
std::vector<std::string> lock_differences(const LockFile& before, const LockFile& now);

}  // namespace ocisync
