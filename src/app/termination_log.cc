#include "app/termination_log.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "app/result.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::size_t kLimit = 4096;  // Kubernetes keeps no more
constexpr std::string_view kEllipsis = "…";

// At most kLimit bytes of valid UTF-8.
std::string cut(std::string_view text) {
  const bool whole = text.size() <= kLimit;
  const std::size_t limit = whole ? kLimit : kLimit - kEllipsis.size();
  std::string kept;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view character = length == 0 ? "?" : text.substr(0, length);
    if (kept.size() + character.size() > limit)
      break;
    kept += character;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return whole ? kept : kept + std::string(kEllipsis);
}

}  // namespace

std::string termination_message(const PassResult& result) {
  std::string required, optional, exported;
  for (const Outcome& chart : result.charts) {
    if (chart.state == ChartState::failed)
      (chart.required ? required : optional) += failure_line(chart);
    else if (chart.digest)
      exported += fmt::format("{}{} {} {}", exported.empty() ? "" : ", ", chart.name, chart.version,
                              chart.digest->str());
  }
  return cut(required + optional + summary_line(result) + exported);
}

void write_termination_log(const std::optional<std::filesystem::path>& path,
                           std::string_view message, Log& log) {
  if (!path)
    return;
  try {
    // No waiting for the reader of a pipe.
    const Fd file(::open(path->c_str(),
                         O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644));
    if (!file)
      throw system_error(errno, "opening " + path->string());
    write_all(file.get(), as_bytes(cut(message)), path->native());
  } catch (const Error& error) {
    log.warning("TerminationLogNotWritten", "the termination message could not be written",
                {{"error", std::string(error.what())}});
  }
}

}  // namespace ocisync
