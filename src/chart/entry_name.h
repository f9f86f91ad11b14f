#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "chart/archive.h"

namespace ocisync {

// The name of an archive's entry, judged: what of it may become a path. Its components are valid
// UTF-8 without control bytes or backslashes, none is empty, "." or "..", and none is the name of
// our own control directory.
struct EntryName {
  std::string top;   // the first component
  std::string path;  // the rest, "/"-separated; empty for the top directory itself

  // `directory`: one "/" at the end is fine. Throws Error(chart_invalid) or (limit_exceeded) that
  // repeats the name, made printable, and says what is wrong with it.
  static EntryName parse(std::string_view raw, bool directory, const ArchiveLimits& limits);
};

// Throws an Error that repeats an entry's name, made printable, and says what is wrong with it.
[[noreturn]] void refuse_entry(Reason reason, std::string_view raw, std::string_view why);

}  // namespace ocisync
