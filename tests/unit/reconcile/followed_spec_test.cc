#include "reconcile/followed_spec.h"

#include <deque>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "export/export_folder.h"
#include "store/cache_folder.h"
#include "support/manual_clock.h"
#include "support/scripted_http.h"

namespace ocisync {
namespace {

using export_test::make_tree;
using export_test::manifest_of;
using std::chrono::minutes;
using testing::ElementsAre;

ChartSpec chart_of(const std::string& reference, const std::string& name = "web") {
  ChartSpec chart(Reference::parse(reference));
  chart.name = chart.export_path = name;
  chart.written_ref = "oci://" + reference;
  return chart;
}

class FollowedSpecTest : public testing::Test {
 protected:
  FollowedSpecTest() {
    spec.name = "platform";
    spec.exports.path = folder.path();
    spec.charts.push_back(chart_of("registry.example.com/charts/web:1.0.0"));
    http.otherwise([this](const ScriptedHttp::Seen&) { return reply; });
  }

  // Of the spec as it is now.
  std::shared_ptr<FollowedSpec> followed(Terms terms = {}) {
    const Spec& now = specs.emplace_back(spec);
    RegistryClient& client = *clients.emplace_back(std::make_unique<RegistryClient>(
        now, ClientSettings{}, http, auth, credentials, clock, log, environment));
    return std::make_shared<FollowedSpec>(std::make_shared<const Rooms>(
        Rooms{now, client, cache, references, &publisher, lanes, log, clock, std::move(terms)}));
  }

  // As an earlier pass left it.
  void publish(int revision) {
    make_tree(publisher, revision);
    publisher.publish({.path = "web",
                       .owner = "platform",
                       .chart = "web",
                       .layout = Layout::symlink,
                       .format = ExportFormat::directory,
                       .manifest = manifest_of(revision),
                       .chart_name = "web",
                       .chart_version = "1.0.0",
                       .reference = "registry.example.com/charts/web:1.0.0",
                       .published = clock.wall()});
  }

  Outcome attempt(std::optional<WallTime> last_success) {
    return followed()->attempt(spec.charts[0], last_success, {}).outcome;
  }

  static std::optional<std::string> environment(std::string_view) { return std::nullopt; }

  TempDirectory folder;
  cache_test::CacheFolder cached;
  Volume volume = cached.open();
  BlobCache cache{volume};
  ReferenceStore references{volume};
  Publisher publisher = Publisher::open(folder.path(), "platform", ExportSpec{});
  ManualClock clock;
  ScriptedHttp http;
  Reply reply = fails(Reason::unavailable);
  Log log{LogLevel::error, LogFormat::json, false};
  Authenticator auth{http, clock};
  CredentialStore credentials{environment, {}, clock};
  Lanes lanes{1};
  Spec spec;
  std::deque<Spec> specs;
  std::vector<std::unique_ptr<RegistryClient>> clients;
};

TEST_F(FollowedSpecTest, AFailureIsTriedAgainWhenThatMayHelp) {
  const auto made = followed();
  EXPECT_EQ(made->verdict(Reason::unavailable, true), Settled::may_pass);
  EXPECT_EQ(made->verdict(Reason::not_found, false), Settled::stuck);
  EXPECT_EQ(made->verdict(Reason::cancelled, false), Settled::stuck);
  for (const Reason reason : all_reasons())
    if (facts(reason).fault == Fault::fetch_again) {
      EXPECT_EQ(made->verdict(reason, false), Settled::may_pass);
      EXPECT_EQ(made->verdict(reason, true), Settled::stuck) << "a pass did so already";
    }
}

TEST_F(FollowedSpecTest, APaceIsTheChartsOwnOrTheSpecs) {
  spec.charts[0].interval = minutes(1);
  spec.charts.push_back(chart_of("registry.example.com/charts/db:1", "db"));
  const auto made = followed();
  EXPECT_EQ(made->pace(made->chart(0), false).interval, minutes(1));
  EXPECT_EQ(made->pace(made->chart(1), false).interval, spec.interval);
  EXPECT_EQ(made->pace(made->chart(0), true).interval, std::nullopt) << "a pass ends";
  EXPECT_EQ(made->lanes(), 2U) << "no more than charts";
}

TEST_F(FollowedSpecTest, AChartGoesOnAsLongAsItsEntryMeansTheSame) {
  const auto before = followed();
  spec.charts.insert(spec.charts.begin(), chart_of("registry.example.com/charts/db:1", "db"));
  EXPECT_TRUE(before->continues_as(*followed(), 0)) << "wherever it stands";
  spec.charts[1].reference = spec.charts[1].reference.with_tag("2.0.0");
  EXPECT_FALSE(before->continues_as(*followed(), 0));
  spec.charts.pop_back();
  EXPECT_FALSE(before->continues_as(*followed(), 0)) << "it left";
}

TEST_F(FollowedSpecTest, AnotherDigestInTheLockIsAnotherChart) {
  const auto locked = [](std::string_view bytes) {
    LockFile lock;
    lock.set({"web", "oci://registry.example.com/charts/web:1.0.0", "", "1.0.0", Digest::of(bytes),
              Digest::of("content"), 1, "web", "1.0.0"});
    return Terms{.lock = std::make_shared<const LockFile>(std::move(lock))};
  };
  const auto before = followed(locked("a"));
  EXPECT_TRUE(before->continues_as(*followed(locked("a")), 0));
  EXPECT_FALSE(before->continues_as(*followed(locked("b")), 0));
  EXPECT_FALSE(before->continues_as(*followed(), 0));
}

TEST_F(FollowedSpecTest, WhatCannotBeCheckedSaysWhatStands) {
  Outcome outcome = attempt(clock.wall());
  EXPECT_EQ(outcome.state, ChartState::failed);
  EXPECT_EQ(outcome.reason, Reason::unavailable);
  EXPECT_FALSE(outcome.digest);
  publish(1);
  outcome = attempt(clock.wall());
  EXPECT_EQ(outcome.digest, manifest_of(1));
  EXPECT_TRUE(outcome.intact);
  EXPECT_FALSE(outcome.in_place) << "nobody confirmed that it is wanted";
  std::filesystem::remove(folder.path() / "web");
  EXPECT_FALSE(attempt(clock.wall()).intact);
}

TEST_F(FollowedSpecTest, AStaleChartIsInPlaceForAsLongAsThatIsAccepted) {
  spec.accept_stale = minutes(60);
  publish(1);
  const WallTime now = clock.wall();
  EXPECT_TRUE(attempt(now - minutes(59)).in_place);
  EXPECT_FALSE(attempt(now - minutes(60)).in_place);
  EXPECT_FALSE(attempt(std::nullopt).in_place) << "never confirmed";
  reply = {404};
  EXPECT_FALSE(attempt(now).in_place) << "it was checked, and is not there";
  reply = fails(Reason::unavailable);
  std::filesystem::remove(folder.path() / "web");
  EXPECT_FALSE(attempt(now).in_place) << "it does not stand";
}

TEST_F(FollowedSpecTest, WhoseTurnNeverComesSaysWhyAndWhatStands) {
  publish(1);
  const auto made = followed();
  const Outcome outcome = made->untouched(made->chart(0));
  EXPECT_EQ(outcome.state, ChartState::skipped);
  EXPECT_EQ(outcome.message, kNeverStarted);
  EXPECT_EQ(made->parked(made->chart(0), {"db"}).message, "not selected");
  EXPECT_EQ(made->parked(made->chart(0), {}).state, ChartState::suspended);
  EXPECT_EQ(made->publication(made->chart(0)).value().manifest, manifest_of(1));
}

TEST_F(FollowedSpecTest, AVolumeThatCannotBeReadFailsTheChartAndNothingElse) {
  publish(1);
  const auto publications = folder.path() / ".ocisync/publications";
  std::filesystem::remove_all(publications);
  std::ofstream(publications) << "no directory";
  const Outcome outcome = attempt(clock.wall());
  EXPECT_EQ(outcome.reason, Reason::storage_failed);
  EXPECT_FALSE(outcome.digest);
  const auto made = followed();
  EXPECT_FALSE(made->publication(made->chart(0)));
}

TEST_F(FollowedSpecTest, TheBoardShowsWhatTheSpecSays) {
  spec.charts[0].suspend = true;
  const auto charts = followed()->board_charts();
  ASSERT_EQ(charts.size(), 1U);
  EXPECT_TRUE(charts[0].suspended);
  EXPECT_EQ(charts[0].ref, "oci://registry.example.com/charts/web:1.0.0");
  EXPECT_EQ(charts[0].export_path, (folder.path() / "web").string());
}

}  // namespace
}  // namespace ocisync
