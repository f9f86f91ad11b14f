#include <fmt/format.h>

#include "app/commands.h"
#include "app/output.h"
#include "app/signals.h"
#include "app/status_source.h"
#include "app/table.h"
#include "base/document.h"
#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

enum class StatusFormat { text, wide, json };

struct StatusOptions {
  StatusSource source;
  std::optional<StatusFormat> output;
};

void declare_status(Flags& flags, StatusOptions& options) {
  declare(flags, options.source);
  Flag& output = flags.choice<StatusFormat>(
      "output", options.output,
      {{"text", StatusFormat::text}, {"wide", StatusFormat::wide}, {"json", StatusFormat::json}},
      "What is printed (text)");
  output.letter = 'o';
  output.variable = false;
}

std::vector<Json> documents_of(const StatusSource& source) {
  if (source.is_volume())
    return read_volume_status(source);
  const Signals signals;
  const HttpResponse answer = ask_sidecar(source, "/status", signals.stop());
  if (answer.status() != 200)
    throw Error(Reason::unavailable, fmt::format("/status answers with HTTP {}", answer.status()));
  return {parse_status(answer.text)};
}

std::string at(const Json& json, std::string_view key) {
  const std::string* text = json.find_string(key);
  return text ? *text : std::string();
}

std::string number_at(const Json* json, std::string_view key) {
  const Json* value = json ? json->find(key) : nullptr;
  return std::to_string(value ? value->unsigned_integer().value_or(0) : 0);
}

std::string problem(const Json& chart) {
  const std::string reason = at(chart, "reason");
  return reason.empty() ? "" : reason + ": " + at(chart, "message");
}

std::vector<std::string> row(const Json& chart, bool wide) {
  std::vector<std::string> cells = {at(chart, "name"), at(chart, "state"),
                                    condition_status(chart, "Ready"), at(chart, "version"),
                                    at(chart, "lastSuccess")};
  if (wide)
    cells.insert(cells.end(), {at(chart, "nextAttempt"), number_at(&chart, "consecutiveFailures"),
                               at(chart, "digest"), at(chart, "ref") + " " + at(chart, "range"),
                               at(chart, "exportPath")});
  cells.push_back(problem(chart));
  return cells;
}

// The charts of one owner, and a line about all of them.
std::string table_of(const Json& document, bool wide) {
  std::vector<std::vector<std::string>> rows = {
      {"CHART", "STATE", "READY", "VERSION", "LAST SUCCESS"}};
  if (wide)
    rows[0].insert(rows[0].end(), {"NEXT CHECK", "FAILURES", "DIGEST", "REF", "EXPORT"});
  rows[0].push_back("LAST ERROR");
  const Json* charts = document.find("charts");
  if (charts)
    for (const Json& chart : charts->items())
      rows.push_back(row(chart, wide));
  const Json* metadata = document.find("metadata");
  const Json* summary = document.find("summary");
  std::string text = rows.size() > 1 ? aligned_table(rows) : "";
  text +=
      fmt::format("{}: {} charts, {} ready, {} failing, {} stalled, {} suspended\n",
                  printable(metadata ? at(*metadata, "name") : ""), number_at(summary, "charts"),
                  number_at(summary, "ready"), number_at(summary, "failing"),
                  number_at(summary, "stalled"), number_at(summary, "suspended"));
  const Json* reload = document.find("reload");
  if (const std::string refused = reload ? at(*reload, "message") : ""; !refused.empty())
    text += fmt::format("the new spec was refused: {}\n", printable(refused, 2048));
  return text;
}

std::string json_of(std::vector<Json> documents) {
  if (documents.size() == 1)
    return documents.front().dump(2) + "\n";
  Json items = Json::array();
  for (Json& document : documents)
    items.add(std::move(document));
  Json list = document_of_kind("SyncStatusList");
  list.set("items", std::move(items));
  return list.dump(2) + "\n";
}

int run_status(const StatusOptions& options) {
  std::vector<Json> documents = documents_of(options.source);
  if (options.output == StatusFormat::json) {
    print(json_of(std::move(documents)));
    return 0;
  }
  std::string text;
  for (const Json& document : documents)
    text += (text.empty() ? "" : "\n") + table_of(document, options.output == StatusFormat::wide);
  print(text);
  return 0;
}

}  // namespace

Command status_command() {
  return make_command<StatusOptions>("status",
                                     "The charts of a running sidecar, or of a volume's last pass",
                                     declare_status, run_status);
}

}  // namespace ocisync
