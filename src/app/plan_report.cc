#include "app/plan_report.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "app/table.h"
#include "base/document.h"
#include "base/json.h"
#include "base/text.h"

namespace ocisync {
namespace {

constexpr std::array kActions = {Action::create, Action::update,    Action::repair,
                                 Action::remove, Action::unchanged, Action::blocked};
constexpr std::size_t kLongestLine = 1000;
constexpr std::size_t kMostCommentLines = 400;  // of one file: comments have an upper size

std::size_t count_of(const SyncPlan& plan, Action action) {
  return static_cast<std::size_t>(
      std::count_if(plan.charts.begin(), plan.charts.end(),
                    [&](const PlannedChart& chart) { return chart.action == action; }));
}

std::string short_digest(const std::optional<Digest>& digest) {
  return digest ? digest->hex().substr(0, 12) : "-";
}

std::string digests(const PlannedChart& chart) {
  switch (chart.action) {
    case Action::create:
      return short_digest(chart.digest);
    case Action::update:
      return short_digest(chart.previous) + " -> " + short_digest(chart.digest);
    case Action::repair:
    case Action::remove:
    case Action::unchanged:
    case Action::blocked:
      return short_digest(chart.previous);
  }
  return "-";
}

std::string summary(const SyncPlan& plan) {
  std::string text;
  for (const Action action : kActions)
    if (const std::size_t count = count_of(plan, action))
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, to_string(action));
  return fmt::format("{}: {}; {} to fetch", charts_counted(plan.charts.size()),
                     text.empty() ? "nothing to do" : text, human_size(plan.bytes()));
}

// Of layout snapshot: what would become of `current`, in one line.
std::string switch_line(const SyncPlan& plan) {
  const PlannedSwitch& planned = *plan.generation;
  const std::string shown =
      planned.shown ? fmt::format("generation {}", *planned.shown) : std::string("nothing");
  return planned.switches ? fmt::format("current would switch from {}: {}", shown, planned.why)
                          : fmt::format("current stays at {}: {}", shown, planned.why);
}

// Why a chart cannot be planned, in one line.
std::string obstacle(const PlannedChart& chart) {
  std::string line(to_string(*chart.reason));
  if (!chart.stage.empty())
    line += " at " + chart.stage;
  if (chart.http_status != 0)
    line += fmt::format(" (HTTP {})", chart.http_status);
  line += fmt::format(": {}: {}", chart.reference, chart.why);
  if (!chart.hint.empty())
    line += fmt::format(" ({})", chart.hint);
  return line;
}

std::string file_counts(const ChartComparison& files) {
  return fmt::format("{} files added, {} changed, {} removed", files.added.size(),
                     files.changed.size(), files.removed.size());
}

std::string details(const PlannedChart& chart) {
  const std::string name = printable(chart.name);
  std::string text = fmt::format("\n{}: {}\n", name, file_counts(*chart.files));
  const auto list = [&](char mark, const std::vector<std::string>& paths) {
    for (const std::string& path : paths)
      text += fmt::format("  {} {}\n", mark, printable(path, kLongestLine));
  };
  list('+', chart.files->added);
  list('~', chart.files->changed);
  list('-', chart.files->removed);
  for (const ChartComparison::TextDiff& diff : chart.files->texts) {
    text += fmt::format("\n--- {0}/{1} (exported)\n+++ {0}/{1} (wanted)\n", name, diff.file);
    for (const std::string& line : diff.lines)
      text += printable(line, kLongestLine) + "\n";
  }
  return text;
}

Json paths_json(const std::vector<std::string>& paths) {
  Json list = Json::array();
  for (const std::string& path : paths)
    list.add(printable(path, kLongestLine));
  return list;
}

Json files_json(const ChartComparison& files) {
  Json texts = Json::object();
  for (const ChartComparison::TextDiff& diff : files.texts) {
    std::string text;
    for (const std::string& line : diff.lines)
      text += printable(line, kLongestLine) + "\n";
    texts.set(diff.file, std::move(text));
  }
  return Json::object()
      .set("added", paths_json(files.added))
      .set("changed", paths_json(files.changed))
      .set("removed", paths_json(files.removed))
      .set("diffs", std::move(texts));
}

Json chart_json(const PlannedChart& chart) {
  Json entry = Json::object();
  const auto set_if = [&](const char* key, const std::string& value) {
    if (!value.empty())
      entry.set(key, value);
  };
  entry.set("name", printable(chart.name));
  entry.set("ref", printable(chart.reference, 2048));
  entry.set("action", std::string(to_string(chart.action)));
  entry.set("why", chart.why);
  entry.set("required", chart.required);
  if (chart.reason)
    entry.set("reason", std::string(to_string(*chart.reason)));
  set_if("hint", chart.hint);
  set_if("stage", chart.stage);
  if (chart.http_status != 0)
    entry.set("httpStatus", chart.http_status);
  if (chart.digest)
    entry.set("digest", chart.digest->str());
  if (chart.previous)
    entry.set("previousDigest", chart.previous->str());
  set_if("previousVersion", printable(chart.previous_version));
  entry.set("bytes", chart.bytes());
  entry.set("requests", chart.requests);
  entry.set("exportPath", printable(chart.export_path, 4096));
  if (chart.files)
    entry.set("files", files_json(*chart.files));
  return entry;
}

// Hostile text as Markdown that shows exactly that text: every character that could be markup
// becomes an entity, and inside <code> nobody is mentioned.
std::string code(std::string_view hostile) {
  std::string text = "<code>";
  for (const char c : printable(hostile, kLongestLine)) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte >= 0x80 || c == ' ' || (c >= '0' && c <= '9') ||
                       (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    text += plain ? std::string(1, c) : fmt::format("&#{};", byte);
  }
  return text + "</code>";
}

// A fence that nothing inside can close.
std::string fence_for(const std::vector<std::string>& lines) {
  std::size_t longest = 2;
  for (const std::string& line : lines)
    for (std::size_t i = 0, run = 0; i < line.size(); ++i) {
      run = line[i] == '`' ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  return std::string(longest + 1, '`');
}

std::string markdown_details(const PlannedChart& chart) {
  std::string text = fmt::format("\n<details><summary>{}: {}</summary>\n\n", code(chart.name),
                                 file_counts(*chart.files));
  const auto list = [&](std::string_view what, const std::vector<std::string>& paths) {
    for (const std::string& path : paths)
      text += fmt::format("- {} {}\n", what, code(path));
  };
  list("added", chart.files->added);
  list("changed", chart.files->changed);
  list("removed", chart.files->removed);
  for (const ChartComparison::TextDiff& diff : chart.files->texts) {
    const std::string fence = fence_for(diff.lines);
    text += fmt::format("\n{}\n\n{}diff\n", code(diff.file), fence);
    for (std::size_t i = 0; i < std::min(diff.lines.size(), kMostCommentLines); ++i)
      text += printable(diff.lines[i], kLongestLine) + "\n";
    text += fence + "\n";
    if (diff.lines.size() > kMostCommentLines)
      text += fmt::format("\n{} more lines\n", diff.lines.size() - kMostCommentLines);
  }
  return text + "\n</details>\n";
}

}  // namespace

std::string plan_table(const SyncPlan& plan) {
  std::vector<std::vector<std::string>> rows = {
      {"CHART", "ACTION", "VERSION", "DIGEST", "TO FETCH", "WHY"}};
  std::string below;
  for (const PlannedChart& chart : plan.charts) {
    rows.push_back({chart.name, std::string(to_string(chart.action)),
                    chart.previous_version.empty() ? "-" : chart.previous_version, digests(chart),
                    human_size(chart.bytes()),
                    chart.reason ? std::string(to_string(*chart.reason)) : chart.why});
    if (chart.reason)
      below += fmt::format("\n{}: {}\n", printable(chart.name), obstacle(chart));
    if (chart.files)
      below += details(chart);
  }
  return aligned_table(rows) + below + "\n" + (plan.generation ? switch_line(plan) + "\n" : "") +
         summary(plan) + "\n";
}

std::string plan_json(const SyncPlan& plan, int exit_code) {
  Json charts = Json::array();
  for (const PlannedChart& chart : plan.charts)
    charts.add(chart_json(chart));
  Json counts = Json::object();
  for (const Action action : kActions)
    counts.set(std::string(to_string(action)), std::uint64_t{count_of(plan, action)});
  Json document = document_of_kind("SyncPlan");
  document.set("name", plan.spec_name)
      .set("specHash", plan.spec_hash)
      .set("startedAt", rfc3339(plan.started))
      .set("durationSeconds", std::chrono::duration<double>(plan.duration).count())
      .set("exitCode", exit_code)
      .set("charts", std::move(charts))
      .set("summary", std::move(counts))
      .set("bytes", plan.bytes());
  if (const auto& planned = plan.generation) {
    Json generation = Json::object();
    if (planned->shown)
      generation.set("current", *planned->shown);
    document.set("generation",
                 generation.set("switches", planned->switches).set("why", planned->why));
  }
  return document.dump(2) + "\n";
}

std::string plan_markdown(const SyncPlan& plan) {
  std::string text = fmt::format("### What ocisync would change: {}\n\n", code(plan.spec_name));
  std::string below;
  text += "| chart | action | exported | digest | to fetch | why |\n";
  text += "| --- | --- | --- | --- | --- | --- |\n";
  for (const PlannedChart& chart : plan.charts) {
    text += fmt::format(
        "| {} | {} | {} | {} | {} | {} |\n", code(chart.name), to_string(chart.action),
        chart.previous_version.empty() ? "-" : code(chart.previous_version), code(digests(chart)),
        human_size(chart.bytes()), code(chart.reason ? obstacle(chart) : chart.why));
    if (chart.files)
      below += markdown_details(chart);
  }
  if (plan.generation)
    text += "\n" + code(switch_line(plan)) + "\n";
  return text + "\n" + summary(plan) + "\n" + below;
}

}  // namespace ocisync
