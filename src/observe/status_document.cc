#include "observe/status_document.h"

#include <algorithm>
#include <memory>

#include "base/document.h"
#include "base/json.h"

namespace ocisync {
namespace {

constexpr std::string_view kKind = "SyncStatus";
constexpr std::string_view kSuspended = "suspended";
constexpr std::string_view kPending = "pending";
constexpr std::size_t kPiece = 64ULL * 1024;

// ---- writing ----

std::string_view state_of(const ChartStatus& chart) {
  if (chart.wanted.suspended)
    return kSuspended;
  return chart.result ? to_string(*chart.result) : kPending;
}

std::string_view unsettled(const ChartStatus& chart) {
  return chart.wanted.suspended ? "Suspended" : "Pending";
}

std::string failure_name(const ChartStatus& chart) {
  return std::string(to_string(chart.reason.value_or(Reason::internal)));
}

struct Grounds {
  std::string reason;
  std::string_view message;
};

Grounds why_ready(const ChartStatus& chart) {
  switch (chart.ready.status) {
    case ConditionStatus::unknown:
      return {std::string(unsettled(chart)), "not checked yet"};
    case ConditionStatus::no:
      return {failure_name(chart), chart.message};
    case ConditionStatus::yes:
      if (chart.reason == Reason::rolled_back)
        return {failure_name(chart), chart.message};
      return {chart.reason ? "AcceptedStale" : "Succeeded", chart.message};
  }
  return {};
}

Grounds why_reconciling(const ChartStatus& chart) {
  if (chart.under_way)
    return {"Progressing", "being checked"};
  if (chart.reconciling.status == ConditionStatus::yes)
    return {"ProgressingWithRetry", chart.message};
  return {std::string(chart.wanted.suspended ? "Suspended" : "Idle"), ""};
}

Grounds why_stalled(const ChartStatus& chart) {
  switch (chart.stalled.status) {
    case ConditionStatus::unknown:
      return {std::string(unsettled(chart)), "not checked yet"};
    case ConditionStatus::no:
      return {"NotStalled", ""};
    case ConditionStatus::yes:
      return {failure_name(chart), chart.message};
  }
  return {};
}

Grounds why_verified(const ChartStatus& chart) {
  switch (chart.verified.status) {
    case ConditionStatus::unknown:
      return {"NotVerified", ""};
    case ConditionStatus::no:
      return {"VerificationFailed", chart.message};
    case ConditionStatus::yes:
      return {"Verified", ""};
  }
  return {};
}

Json condition_json(std::string_view type, const Condition& condition, const Grounds& grounds) {
  Json json = Json::object();
  json.set("type", type);
  json.set("status", to_string(condition.status));
  json.set("reason", grounds.reason);
  json.set("message", grounds.message);
  json.set("lastTransitionTime", rfc3339(condition.since));
  return json;
}

void set_text(Json& json, const char* key, const std::string& text) {
  if (!text.empty())
    json.set(key, text);
}

void set_time(Json& json, const char* key, const std::optional<WallTime>& time) {
  if (time)
    json.set(key, rfc3339(*time));
}

Json chart_json(const ChartStatus& chart) {
  Json json = Json::object();
  json.set("name", chart.wanted.name);
  json.set("ref", chart.wanted.ref);
  set_text(json, "range", chart.wanted.range);
  set_text(json, "version", chart.version);
  if (chart.digest)
    json.set("digest", chart.digest->str());
  json.set("state", state_of(chart));
  if (chart.reason)
    json.set("reason", to_string(*chart.reason));
  set_text(json, "message", chart.message);
  json.set("required", chart.wanted.required);
  json.set("suspended", chart.wanted.suspended);
  json.set("exportPath", chart.wanted.export_path);
  json.set("intervalSeconds", static_cast<double>(chart.wanted.interval.count()) / 1000);
  set_time(json, "lastAttempt", chart.last_attempt);
  set_time(json, "lastSuccess", chart.last_success);
  set_time(json, "nextAttempt", chart.next_attempt);
  json.set("consecutiveFailures", std::uint64_t{chart.failures});
  Json conditions = Json::array();
  conditions.add(condition_json("Ready", chart.ready, why_ready(chart)));
  conditions.add(condition_json("Reconciling", chart.reconciling, why_reconciling(chart)));
  conditions.add(condition_json("Stalled", chart.stalled, why_stalled(chart)));
  conditions.add(condition_json("Verified", chart.verified, why_verified(chart)));
  json.set("conditions", std::move(conditions));
  return json;
}

template <typename Holds>
Json count(const BoardSnapshot& board, Holds holds) {
  return static_cast<std::uint64_t>(std::count_if(
      board.charts.begin(), board.charts.end(), [&](const auto& chart) { return holds(*chart); }));
}

Json summary_json(const BoardSnapshot& board) {
  const auto holds = [](Condition ChartStatus::*condition) {
    return [condition](const ChartStatus& chart) {
      return (chart.*condition).status == ConditionStatus::yes;
    };
  };
  Json json = Json::object();
  json.set("charts", std::uint64_t{board.charts.size()});
  json.set("ready", count(board, holds(&ChartStatus::ready)));
  json.set("failing", count(board, [](const auto& chart) {
             return chart.reason && chart.reason != Reason::rolled_back;
           }));
  json.set("stalled", count(board, holds(&ChartStatus::stalled)));
  json.set("suspended", count(board, [](const auto& chart) { return chart.wanted.suspended; }));
  return json;
}

Json head_json(const BoardSnapshot& board) {
  Json metadata = Json::object();
  metadata.set("name", board.owner);
  Json reload = Json::object();
  reload.set("successful", board.reload.successful);
  set_text(reload, "message", board.reload.message);
  if (board.reload.last_success != WallTime{})
    reload.set("lastSuccess", rfc3339(board.reload.last_success));
  Json json = document_of_kind(kKind);
  json.set("metadata", std::move(metadata));
  json.set("updatedAt", rfc3339(board.changed));
  json.set("specHash", board.spec_hash);
  json.set("started", board.started);
  json.set("stopping", board.stopping);
  json.set("reload", std::move(reload));
  json.set("summary", summary_json(board));
  return json;
}

// ---- reading back ----

std::string text_at(const Json& json, std::string_view key) {
  const std::string* text = json.find_string(key);
  return text ? *text : std::string();
}

std::optional<WallTime> time_at(const Json& json, std::string_view key) {
  const std::string* text = json.find_string(key);
  return text ? parse_rfc3339(*text) : std::nullopt;
}

const std::vector<Json>& items_at(const Json& json, std::string_view key) {
  static const Json none;
  const Json* list = json.find(key);
  return (list ? *list : none).items();
}

bool flag_at(const Json& json, std::string_view key, bool otherwise) {
  const Json* value = json.find(key);
  return value ? value->boolean().value_or(otherwise) : otherwise;
}

std::optional<Reason> reason_named(std::string_view name) {
  for (const Reason reason : all_reasons())
    if (to_string(reason) == name)
      return reason;
  return std::nullopt;
}

std::optional<SyncResult> result_named(std::string_view name) {
  for (const SyncResult result : kSyncResults)
    if (to_string(result) == name)
      return result;
  return std::nullopt;
}

ConditionStatus status_named(std::string_view name) {
  for (const ConditionStatus status : {ConditionStatus::no, ConditionStatus::yes})
    if (to_string(status) == name)
      return status;
  return ConditionStatus::unknown;
}

Condition condition_of(const Json& chart, std::string_view type) {
  for (const Json& each : items_at(chart, "conditions")) {
    const auto since = time_at(each, "lastTransitionTime");
    if (since && text_at(each, "type") == type)
      return {status_named(text_at(each, "status")), *since};
  }
  return {};
}

ChartStatus chart_of(const Json& json) {
  ChartStatus chart;
  chart.wanted.name = text_at(json, "name");
  chart.wanted.ref = text_at(json, "ref");
  chart.wanted.range = text_at(json, "range");
  chart.wanted.required = flag_at(json, "required", true);
  chart.wanted.suspended = flag_at(json, "suspended", false);
  chart.wanted.export_path = text_at(json, "exportPath");
  chart.version = text_at(json, "version");
  chart.digest = Digest::try_parse(text_at(json, "digest"));
  chart.result = result_named(text_at(json, "state"));
  chart.reason = reason_named(text_at(json, "reason"));
  chart.message = text_at(json, "message");
  chart.last_attempt = time_at(json, "lastAttempt");
  chart.last_success = time_at(json, "lastSuccess");
  chart.next_attempt = time_at(json, "nextAttempt");
  if (const Json* failures = json.find("consecutiveFailures"))
    chart.failures = static_cast<unsigned>(
        std::min<std::uint64_t>(failures->unsigned_integer().value_or(0), 1'000'000));
  chart.ready = condition_of(json, "Ready");
  chart.reconciling = condition_of(json, "Reconciling");
  chart.stalled = condition_of(json, "Stalled");
  chart.verified = condition_of(json, "Verified");
  chart.in_place = chart.ready.status == ConditionStatus::yes;
  return chart;
}

}  // namespace

Pieces status_document(BoardSnapshot snapshot, bool detail) {
  struct Position {
    BoardSnapshot board;
    std::size_t next = 0;
    bool begun = false;
    bool ended = false;
  };

  if (!detail)
    return one_piece(head_json(snapshot).dump() + "\n");
  const auto position = std::make_shared<Position>();
  position->board = std::move(snapshot);
  return [position]() -> std::optional<std::string> {
    if (position->ended)
      return std::nullopt;
    std::string piece;
    if (!std::exchange(position->begun, true)) {
      piece = head_json(position->board).dump();
      piece.back() = ',';
      piece += "\"charts\":[";
    }
    const auto& charts = position->board.charts;
    for (; position->next < charts.size() && piece.size() < kPiece; ++position->next)
      piece += (position->next == 0 ? "\n" : ",\n") + chart_json(*charts[position->next]).dump();
    if (position->next == charts.size()) {
      piece += "\n]}\n";
      position->ended = true;
    }
    return piece;
  };
}

StatusMemory read_status_document(std::string_view text) {
  StatusMemory memory;
  try {
    const Json document = Json::parse(text, {.depth = 16, .values = 10'000'000});
    if (text_at(document, "apiVersion") != kApiVersion || text_at(document, "kind") != kKind)
      return memory;
    for (const Json& each : items_at(document, "charts")) {
      ChartStatus chart = chart_of(each);
      std::string name = chart.wanted.name;
      if (!name.empty())
        memory.emplace(std::move(name), std::move(chart));
    }
  } catch (const Error&) {
    memory.clear();
  }
  return memory;
}

}  // namespace ocisync
