#include "app/progress_display.h"

#include <fmt/format.h>
#include <unistd.h>

#include "app/output.h"
#include "base/environment.h"

namespace ocisync {
namespace {

constexpr Duration kBetweenLines = std::chrono::seconds(10);

void write_line(const Progress::Facts& facts, Log& log) {
  log.info("Progress", fmt::format("{} of {} charts", facts.done, facts.charts),
           {{"failed", static_cast<std::int64_t>(facts.failed)},
            {"bytes", static_cast<std::int64_t>(facts.bytes)},
            {"bytesPerSecond", static_cast<std::int64_t>(facts.rate)},
            {"transfers", static_cast<std::int64_t>(facts.moving.size())}});
}

}  // namespace

Flag& declare_progress(Flags& flags, std::optional<ProgressStyle>& style) {
  return flags.choice<ProgressStyle>("progress", style,
                                     {{"auto", ProgressStyle::automatic},
                                      {"plain", ProgressStyle::plain},
                                      {"none", ProgressStyle::none}},
                                     "Bars on a terminal, a log line every 10s, or nothing (auto)");
}

ProgressDisplay::ProgressDisplay(ProgressStyle style, Progress& progress, Log& log) : log_(log) {
  if (style == ProgressStyle::plain)
    lines_ = Ticker(kBetweenLines, [&] { write_line(progress.facts(), log); });
  if (style != ProgressStyle::automatic || log.format() != LogFormat::text ||
      !stderr_is_watched() || process_variable("TERM") == "dumb")
    return;
  bars_.emplace(STDERR_FILENO, progress);
  log.divert([this](std::string_view line) { bars_->write(line); });
}

ProgressDisplay::~ProgressDisplay() {
  lines_ = {};
  log_.divert(nullptr);
}

}  // namespace ocisync
