#include "reconcile/plan.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

const Digest kOld = Digest::of("old");
const Digest kNew = Digest::of("new");

ChartSpec chart(const char* reference = "registry.example/charts/web:1.0.0") {
  ChartSpec spec(Reference::parse(reference));
  spec.name = "web";
  spec.export_path = "web";
  return spec;
}

Publication publication() {
  return {.path = "web",
          .owner = "test",
          .chart = "web",
          .layout = Layout::symlink,
          .format = ExportFormat::directory,
          .manifest = kOld,
          .chart_name = "web",
          .chart_version = "1.0.0",
          .reference = "registry.example/charts/web:1.0.0",
          .published = {}};
}

Observed showing(PublishedState state) { return {.publication = publication(), .state = state}; }

TEST(Question, IsOnlyAskedWhereTheAnswerCouldHaveChanged) {
  const auto asked = [](const ChartSpec& spec, bool known, bool offline) {
    return question(spec, spec.reference, known, offline);
  };
  ChartSpec tagged = chart();
  EXPECT_EQ(asked(tagged, false, false), Question::manifest);
  EXPECT_EQ(asked(tagged, true, false), Question::head);
  EXPECT_EQ(asked(tagged, true, true), Question::nothing);
  EXPECT_EQ(asked(tagged, false, true), Question::manifest);  // which is a miss
  tagged.immutable = true;
  EXPECT_EQ(asked(tagged, true, false), Question::nothing);
  EXPECT_EQ(asked(tagged, false, false), Question::manifest);
  const ChartSpec pinned = chart(
      "registry.example/charts/"
      "web@sha256:0000000000000000000000000000000000000000000000000000000000000000");
  EXPECT_EQ(asked(pinned, false, false), Question::nothing);
}

TEST(Decision, ComparesWhatIsThereWithWhatIsWanted) {
  const auto action = [](const Observed& observed, const Digest& wanted) {
    return decide(chart(), Layout::symlink, observed, wanted).action;
  };
  EXPECT_EQ(action({}, kNew), Action::create);
  EXPECT_EQ(action(showing(PublishedState::current), kOld), Action::unchanged);
  EXPECT_EQ(action(showing(PublishedState::current), kNew), Action::update);
  EXPECT_EQ(action(showing(PublishedState::altered), kNew), Action::update);
  EXPECT_EQ(action(showing(PublishedState::altered), kOld), Action::repair);
  EXPECT_EQ(action(showing(PublishedState::absent), kOld), Action::repair);
  EXPECT_EQ(action(showing(PublishedState::other_revision), kOld), Action::repair);
  EXPECT_EQ(action(showing(PublishedState::accepted), kOld), Action::update);
  EXPECT_EQ(action(showing(PublishedState::foreign), kOld), Action::blocked);
  EXPECT_EQ(action({.publication = {}, .state = PublishedState::foreign}, kOld), Action::blocked);
}

TEST(Decision, SaysWhyInItsOwnWords) {
  const auto why = [](const ChartSpec& spec, Layout layout, const Digest& wanted) {
    return decide(spec, layout, showing(PublishedState::current), wanted).because;
  };
  EXPECT_EQ(why(chart(), Layout::symlink, kNew),
            "the reference moved from " + kOld.str() + " to " + kNew.str());
  EXPECT_EQ(why(chart(), Layout::directory, kOld), "the layout changed from symlink to directory");
  ChartSpec packed = chart();
  packed.export_format = ExportFormat::archive;
  EXPECT_EQ(why(packed, Layout::symlink, kOld),
            "the export format changed from directory to archive");
}

TEST(Withdrawals, AreWhatTheSpecNamesNoMore) {
  Spec spec;
  spec.charts.push_back(chart());
  Publication gone = publication();
  gone.path = "gone";
  const std::vector<Publication> published = {gone, publication()};
  ASSERT_EQ(withdrawals(spec, published).size(), 1U);
  EXPECT_EQ(withdrawals(spec, published)[0].path, "gone");
  spec.charts[0].suspend = true;
  EXPECT_EQ(withdrawals(spec, published).size(), 1U);
  spec.suspend = true;
  EXPECT_TRUE(withdrawals(spec, published).empty());
  spec.suspend = false;
  spec.exports.prune = false;
  EXPECT_TRUE(withdrawals(spec, published).empty());
}

TEST(Withdrawals, SayWhetherTheChartLeftOrItsPath) {
  Spec spec;
  spec.charts.push_back(chart());
  Publication gone = publication();
  gone.path = "gone";
  EXPECT_EQ(why_withdrawn(spec, gone), "exported elsewhere now");
  gone.chart = "db";
  EXPECT_EQ(why_withdrawn(spec, gone), "no longer in the spec");
}

TEST(Withdrawals, WaitUntilReadersDoWithoutIt) {
  Spec spec;
  spec.charts.push_back(chart());
  Publication gone = publication();
  gone.path = "gone";
  const auto goes = [&](Layout layout, bool is_shown) {
    gone.layout = layout;
    return may_go(gone, spec, [&](const std::string&) { return is_shown; });
  };
  spec.exports.layout = Layout::symlink;
  EXPECT_TRUE(goes(Layout::symlink, true));
  EXPECT_FALSE(goes(Layout::directory, false)) << "the chart does not stand in the new layout yet";
  EXPECT_TRUE(goes(Layout::directory, true));
  spec.exports.layout = Layout::snapshot;
  EXPECT_FALSE(goes(Layout::snapshot, true)) << "the generation that is shown holds it";
  EXPECT_TRUE(goes(Layout::snapshot, false));
}

}  // namespace
}  // namespace ocisync
