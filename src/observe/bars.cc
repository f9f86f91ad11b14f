#include "observe/bars.h"

#include <algorithm>
#include <cerrno>
#include <cmath>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/display.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr Duration kFrame{100};
constexpr std::size_t kMostTransfers = 10;
constexpr std::size_t kWidestBar = 40;
constexpr std::size_t kNarrowestBar = 8;

// Clears this row and all below. The first by itself: a terminal that is told to clear all of its
// screen may keep a copy.
constexpr std::string_view kWipe = "\x1b[K\x1b[1B\x1b[J\x1b[1A";

WindowSize window_of(int terminal) {
  winsize size{};
  if (::ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
    return {};
  return {size.ws_col, size.ws_row};
}

// As much as the terminal takes; a terminal that is gone is no reason to stop.
void send(int terminal, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::write(terminal, text.data(), text.size());
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent <= 0)
      return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

std::string speed(double bytes_a_second) {
  return human_size(static_cast<std::uint64_t>(std::llround(std::max(bytes_a_second, 0.0)))) + "/s";
}

std::string bar(double share, std::size_t columns) {
  const std::size_t inner = columns - 2;
  const auto full =
      static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(inner));
  return "[" + std::string(full, '#') + std::string(inner - full, '.') + "]";
}

double share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string shortened(std::string_view text, std::size_t columns) {
  const std::string whole = fit_columns(text, columns);
  return whole.substr(0, whole.find_last_not_of(' ') + 1);
}

struct Line {
  std::string name;
  double share = 0;
  std::string figures;
};

// The name, the bar if there is room for one, the figures.
std::string laid_out(const Line& line, std::size_t name_columns, std::size_t columns) {
  const std::size_t others = name_columns + display_width(line.figures) + 4;
  std::string text = fit_columns(line.name, name_columns) + "  ";
  if (columns >= others + kNarrowestBar)
    text += bar(line.share, std::min(columns - others, kWidestBar)) + "  ";
  return shortened(text + line.figures, columns);
}

Line overall(const Progress::Facts& facts) {
  std::string figures = fmt::format("{}/{} charts", facts.done, facts.charts);
  if (facts.failed > 0)
    figures += fmt::format(", {} failed", facts.failed);
  figures += fmt::format("  {}  {}", human_size(facts.bytes), speed(facts.rate));
  return {"all", share_of(facts.done, facts.charts), figures};
}

Line transfer(const Progress::Moving& moving) {
  return {"  " + printable(moving.name, 128), share_of(moving.done, moving.size),
          fmt::format("{} of {}  {}", human_size(moving.done), human_size(moving.size),
                      speed(moving.rate))};
}

}  // namespace

std::vector<std::string> progress_lines(const Progress::Facts& facts, WindowSize window) {
  const std::size_t columns = std::max<std::size_t>(window.columns, 2) - 1;
  const std::size_t room = std::max<std::size_t>(window.rows, 4) - 3;  // beside all and the rest
  std::vector<Line> lines = {overall(facts)};
  for (const Progress::Moving& moving : facts.moving)
    if (lines.size() <= std::min(room, kMostTransfers))
      lines.push_back(transfer(moving));
  std::size_t names = 0;
  for (const Line& line : lines)
    names = std::max(names, display_width(line.name));
  names = std::min(names, std::max<std::size_t>(columns / 3, 3));
  std::vector<std::string> text;
  for (const Line& line : lines)
    text.push_back(laid_out(line, names, columns));
  const std::size_t hidden = facts.moving.size() + 1 - lines.size();
  if (hidden > 0 && window.rows > 3)
    text.push_back(shortened(fmt::format("  and {} more", hidden), columns));
  return text;
}

Bars::Bars(int terminal, Progress& progress)
    : terminal_(terminal), progress_(progress), ticker_(kFrame, [this] { paint(); }) {}

Bars::~Bars() {
  ticker_ = {};
  const std::lock_guard lock(mutex_);
  if (!shown_.empty())
    send(terminal_, climb(window_of(terminal_)) + std::string(kWipe));
}

void Bars::write(std::string_view line) {
  const std::lock_guard lock(mutex_);
  send(terminal_, fmt::format("{}{}\x1b[K\n{}", climb(window_of(terminal_)), line, drawing()));
}

void Bars::paint() {
  const std::lock_guard lock(mutex_);
  const WindowSize window = window_of(terminal_);
  std::vector<std::string> lines = progress_lines(progress_.facts(), window);
  if (lines == shown_ && window.columns == columns_)
    return;
  std::string up = climb(window);
  if (!shown_.empty() && window.columns != columns_)
    up += kWipe;
  shown_ = std::move(lines);
  columns_ = window.columns;
  send(terminal_, up + drawing());
}

// From below the bars to where they begin, which is further up when a narrower window wrapped them.
std::string Bars::climb(WindowSize window) const {
  std::size_t rows = 0;
  for (const std::string& line : shown_)
    rows += std::max<std::size_t>((display_width(line) + window.columns - 1) / window.columns, 1);
  rows = std::min(rows, window.rows - 1);
  return rows == 0 ? "" : fmt::format("\r\x1b[{}A", rows);
}

// Over what is there, so that nothing flickers; then whatever an older frame left below.
std::string Bars::drawing() const {
  std::string text;
  for (const std::string& line : shown_)
    text += line + "\x1b[K\n";
  return shown_.empty() ? text : text + "\x1b[J";
}

}  // namespace ocisync
