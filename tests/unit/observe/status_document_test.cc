#include "observe/status_document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"
#include "board_rig.h"

namespace ocisync {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;

std::string text_of(const BoardRig& rig, bool detail = true) {
  return joined(status_document(rig.board.snapshot(), detail));
}

Json document_of(const BoardRig& rig) { return Json::parse(text_of(rig)); }

const Json& chart_of(const Json& document, std::size_t index = 0) {
  return document.find("charts")->items().at(index);
}

std::string condition(const Json& chart, std::string_view type) {
  for (const Json& each : chart.find("conditions")->items())
    if (*each.find_string("type") == type)
      return *each.find_string("status") + " " + *each.find_string("reason") + " " +
             *each.find_string("message");
  return "absent";
}

TEST(StatusDocument, SaysWhatTheBoardKnows) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  rig.board.attempt_planned("web", rig.clock.wall() + minutes(5));
  const Json document = document_of(rig);
  EXPECT_EQ(*document.find_string("apiVersion"), "ocisync.dev/v1alpha1");
  EXPECT_EQ(*document.find_string("kind"), "SyncStatus");
  EXPECT_EQ(*document.find("metadata")->find_string("name"), "platform");
  EXPECT_EQ(*document.find_string("specHash"), "hash-1");
  EXPECT_EQ(document.find("summary")->find("ready")->unsigned_integer(), 1U);
  const Json& chart = chart_of(document);
  EXPECT_EQ(*chart.find_string("name"), "web");
  EXPECT_EQ(*chart.find_string("ref"), "oci://registry.example.com/charts/web:1.0.0");
  EXPECT_EQ(*chart.find_string("version"), "1.0.0");
  EXPECT_EQ(*chart.find_string("digest"), digest_of("1.0.0").str());
  EXPECT_EQ(*chart.find_string("state"), "updated");
  EXPECT_EQ(*chart.find_string("exportPath"), "/charts/web");
  EXPECT_EQ(*chart.find_string("lastAttempt"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(*chart.find_string("lastSuccess"), "2026-01-02T03:04:05Z");
  EXPECT_EQ(*chart.find_string("nextAttempt"), "2026-01-02T03:09:05Z");
  EXPECT_EQ(chart.find("consecutiveFailures")->unsigned_integer(), 0U);
  EXPECT_EQ(condition(chart, "Ready"), "True Succeeded the tag names it");
  EXPECT_EQ(condition(chart, "Reconciling"), "False Idle ");
  EXPECT_EQ(condition(chart, "Stalled"), "False NotStalled ");
  EXPECT_EQ(condition(chart, "Verified"), "Unknown NotVerified ");
}

TEST(StatusDocument, NamesTheReasonOfAFailure) {
  BoardRig rig({"retried", "stalled", "stale", "pending"});
  rig.attempt("retried", failure(Reason::unavailable));
  rig.attempt("stalled", failure(Reason::not_found, "no such tag"));
  SyncReport stale = failure_above("1.0.0");
  stale.in_place = true;
  rig.attempt("stale", stale);
  const Json document = document_of(rig);
  EXPECT_EQ(condition(chart_of(document, 0), "Ready"), "False Unavailable no answer");
  EXPECT_EQ(condition(chart_of(document, 0), "Reconciling"), "True ProgressingWithRetry no answer");
  EXPECT_EQ(condition(chart_of(document, 1), "Stalled"), "True NotFound no such tag");
  EXPECT_EQ(*chart_of(document, 1).find_string("reason"), "NotFound");
  EXPECT_EQ(condition(chart_of(document, 2), "Ready"), "True AcceptedStale no answer");
  EXPECT_EQ(condition(chart_of(document, 3), "Ready"), "Unknown Pending not checked yet");
  EXPECT_EQ(*chart_of(document, 3).find_string("state"), "pending");
  EXPECT_EQ(document.find("summary")->find("failing")->unsigned_integer(), 3U);
  EXPECT_EQ(document.find("summary")->find("stalled")->unsigned_integer(), 1U);
}

TEST(StatusDocument, HoldsOneChartALine) {
  const BoardRig rig({"a", "b", "c"});
  const std::string text = text_of(rig);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5);
  EXPECT_THAT(text, HasSubstr("\n{\"name\":\"b\","));
}

TEST(StatusDocument, IsWholeInManyPieces) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i)
    names.push_back("chart-" + std::to_string(i));
  const BoardRig rig(names);
  const Pieces pieces = status_document(rig.board.snapshot());
  std::size_t count = 0;
  std::string text;
  while (const auto piece = pieces()) {
    ++count;
    text += *piece;
    EXPECT_LT(piece->size(), 80'000U);
  }
  EXPECT_GT(count, 5U);
  EXPECT_EQ(Json::parse(text).find("charts")->items().size(), 1000U);
}

TEST(StatusDocument, LeavesTheChartsOutWhereNoDetailIsWanted) {
  BoardRig rig({"secret-name"});
  rig.attempt("secret-name", failure(Reason::not_found));
  const std::string text = text_of(rig, false);
  EXPECT_THAT(text, testing::Not(HasSubstr("secret-name")));
  EXPECT_EQ(Json::parse(text).find("summary")->find("charts")->unsigned_integer(), 1U);
}

TEST(StatusDocument, IsReadBackByTheNextProcess) {
  BoardRig first({"web", "db"});
  first.attempt("web", success());
  first.attempt("db", failure(Reason::not_found, "no such tag"));
  const WallTime then = first.clock.wall();

  BoardRig next({}, read_status_document(text_of(first)));
  next.clock.advance(minutes(10));
  next.want({"web", "db", "new"});
  EXPECT_EQ(next.chart("web").last_success, then);
  EXPECT_FALSE(next.chart("web").digest) << "the file does not tell whether the export stands";
  EXPECT_EQ(next.chart("db").reason, Reason::not_found);
  EXPECT_EQ(next.chart("db").failures, 1U);
  EXPECT_FALSE(next.chart("db").last_success);
  EXPECT_FALSE(next.chart("new").last_success);
  next.attempt("web", success(SyncResult::unchanged));
  EXPECT_EQ(next.chart("web").ready.since, then) << "a restart is no transition";
}

TEST(StatusDocument, ConfirmsNothingForAnotherReference) {
  BoardRig first({"web"});
  first.attempt("web", success());
  BoardRig next({}, read_status_document(text_of(first)));
  BoardChart other = chart_named("web");
  other.ref = "oci://elsewhere.example.com/web:1.0.0";
  next.board.set_charts({other}, "hash");
  EXPECT_FALSE(next.chart("web").last_success);
}

TEST(StatusDocument, DoesNotBelieveInAFutureThatAFileTellsOf) {
  BoardRig first({"web"});
  first.clock.advance(minutes(60));
  first.attempt("web", success());
  BoardRig next({}, read_status_document(text_of(first)));
  next.want({"web"});
  EXPECT_FALSE(next.chart("web").last_success);
  EXPECT_EQ(next.chart("web").ready.status, ConditionStatus::unknown);
}

TEST(StatusDocument, CountsAsNeverWrittenWhenDamaged) {
  BoardRig rig({"web"});
  rig.attempt("web", success());
  const std::string text = text_of(rig);
  EXPECT_EQ(read_status_document(text).size(), 1U);
  for (std::size_t size = 0; size + 1 < text.size(); size += 7)
    EXPECT_TRUE(read_status_document(text.substr(0, size)).empty()) << size;
  for (const char* other : {"", "null", "[]", "{}", "\"x\"", "{\"kind\":\"SyncStatus\"}",
                            R"({"apiVersion":"ocisync.dev/v1alpha1","kind":"SyncResult",)"
                            R"("charts":[{"name":"web"}]})"})
    EXPECT_TRUE(read_status_document(other).empty()) << other;
}

TEST(StatusDocument, ReadsWhatOfAChartCanBeRead) {
  const StatusMemory memory = read_status_document(
      R"({"apiVersion":"ocisync.dev/v1alpha1","kind":"SyncStatus","charts":[7,{},)"
      R"({"name":"web","ref":9,"lastSuccess":"yesterday","digest":"sha256:zz","reason":"Nope",)"
      R"("consecutiveFailures":-4,"conditions":[3,{"type":"Ready"}]},)"
      R"({"name":"db","lastSuccess":"2026-01-01T00:00:00Z"}]})");
  ASSERT_EQ(memory.size(), 2U);
  const ChartStatus& web = memory.at("web");
  EXPECT_FALSE(web.last_success);
  EXPECT_FALSE(web.digest);
  EXPECT_FALSE(web.reason);
  EXPECT_EQ(web.failures, 0U);
  EXPECT_TRUE(memory.at("db").last_success);
}

TEST(StatusDocument, SurvivesHostileText) {
  BoardRig rig({"web"});
  rig.attempt("web", failure(Reason::unavailable, "\"},{\xff\n<script>\x01"));
  const Json document = document_of(rig);
  EXPECT_THAT(*chart_of(document).find_string("message"), HasSubstr("\"},{"));
}

}  // namespace
}  // namespace ocisync
