#include "spec/source.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "base/sink.h"
#include "base/text.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostBytes = 32ULL << 20;

[[noreturn]] void refuse_source(std::string message, std::string hint = {}) {
  throw Error(Reason::spec_invalid, std::move(message)).hint(std::move(hint));
}

// The folder as the user named it: a link to a file elsewhere does not move what is relative to it.
fs::path folder_of(const fs::path& file) {
  return fs::absolute(file).lexically_normal().parent_path();
}

SpecSource read_standard_input() {
  CappedBuffer bytes(kMostBytes, "the spec on standard input");
  FileSource input(STDIN_FILENO, "standard input");
  std::array<std::byte, 65536> block{};
  for (std::size_t got = input.read(block); got > 0; got = input.read(block))
    bytes.write(Bytes(block).first(got));
  return {"<stdin>", bytes.take(), fs::current_path()};
}

SpecSource read_file(const fs::path& path) {
  try {
    auto text = read_user_file(path, kMostBytes);
    if (!text)
      refuse_source(fmt::format("spec file {} does not exist", printable(path.native())));
    return {path.native(), std::move(*text), folder_of(path)};
  } catch (const Error& error) {
    if (error.reason() == Reason::spec_invalid)
      throw;
    refuse_source(error.what(), error.hint());
  }
}

// Whether a top-level line says that this is a lock file. Looked for in the text, so that a lock
// file that lost its shape in a merge is still told from a spec.
bool is_lock_file(std::string_view text) {
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with("kind:"))
      continue;
    line.remove_prefix(5);
    line = trim(line.substr(0, line.find(" #")));
    return line == "ChartLock" || line == "\"ChartLock\"" || line == "'ChartLock'";
  }
  return false;
}

bool is_spec_name(const fs::path& name) {
  const std::string& text = name.native();
  return !text.starts_with("..") && (text.ends_with(".yaml") || text.ends_with(".yml"));
}

std::vector<SpecSource> read_directory(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;  // a dangling link is reported when it is read
    if (is_spec_name(it->path().filename()) && !it->is_directory(ignored))
      paths.push_back(it->path());
  }
  if (error)
    refuse_source(fmt::format("reading {}: {}", printable(directory.native()), error.message()));
  std::sort(paths.begin(), paths.end());
  std::vector<SpecSource> sources;
  for (const fs::path& path : paths) {
    SpecSource source = read_file(path);
    if (!is_lock_file(source.text))
      sources.push_back(std::move(source));
  }
  if (sources.empty())
    refuse_source(fmt::format("{} holds no spec", printable(directory.native())),
                  "its *.yaml and *.yml files are read, lock files aside");
  return sources;
}

}  // namespace

std::vector<SpecSource> read_spec_sources(const std::vector<std::string>& arguments) {
  std::vector<SpecSource> sources;
  for (const std::string& argument : arguments) {
    std::error_code error;
    if (argument.empty())
      refuse_source("the name of a spec file is empty");
    if (std::count(arguments.begin(), arguments.end(), argument) > 1)
      refuse_source(fmt::format("{} is given twice", printable(argument)));
    if (argument == "-") {
      sources.push_back(read_standard_input());
    } else if (fs::is_directory(argument, error)) {
      std::vector<SpecSource> found = read_directory(argument);
      std::move(found.begin(), found.end(), std::back_inserter(sources));
    } else {
      sources.push_back(read_file(argument));
    }
  }
  return sources;
}

}  // namespace ocisync
