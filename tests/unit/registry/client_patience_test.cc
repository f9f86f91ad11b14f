// When a request is tried again, and when a registry is left alone.

#include "rig.h"

namespace ocisync {
namespace {

using namespace std::chrono_literals;

class Patience : public Rig {
 protected:
  Patience() { registry_.add_manifest("team/web", "1.0", "{}"); }

  void replies(std::vector<Reply> all) { http_.on(std::string(kManifestLine), std::move(all)); }

  static Reply after(int status, std::string value) {
    return {status, {{"Retry-After", std::move(value)}}};
  }

  static constexpr auto kFine = [] { return Reply{200, {}, "{}"}; };
};

TEST_F(Patience, TriesThreeTimesForWhatMayPass) {
  for (const int status : {408, 421, 425, 429, 499, 500, 502, 503, 504, 522}) {
    http_.forget();
    replies({{status}, {status}, kFine()});
    manifest();
    EXPECT_EQ(lines().size(), 3U) << status;
    http_.forget();
    replies({{status}});
    const auto error = failure_of([&] { manifest(); });
    ASSERT_TRUE(error) << status;
    EXPECT_EQ(error->reason(), status == 429 ? Reason::rate_limited : Reason::unavailable);
    EXPECT_EQ(error->http_status(), status);
    EXPECT_EQ(lines().size(), 3U) << status;
  }
}

TEST_F(Patience, TriesThreeTimesWhenThereIsNoAnswer) {
  for (const Reason reason : {Reason::unavailable, Reason::timed_out}) {
    http_.forget();
    replies({fails(reason), fails(reason), kFine()});
    manifest();
    EXPECT_EQ(lines().size(), 3U);
    http_.forget();
    replies({fails(reason)});
    EXPECT_EQ(reason_of([&] { manifest(); }), reason);
    EXPECT_EQ(lines().size(), 3U);
  }
}

TEST_F(Patience, TakesAnotherConnectionAfterSilence) {
  replies({fails(Reason::timed_out), fails(Reason::unavailable), kFine()});
  manifest();
  const auto seen = http_.seen();
  EXPECT_FALSE(seen.at(0).fresh_connection);
  EXPECT_TRUE(seen.at(1).fresh_connection);
  EXPECT_FALSE(seen.at(2).fresh_connection);
}

TEST_F(Patience, TriesOnceWhereASecondTimeCannotHelp) {
  for (const int status : {400, 403, 404, 405, 406, 410, 413, 415, 422, 501}) {
    http_.forget();
    replies({{status}});
    EXPECT_TRUE(failure_of([&] { manifest(); })) << status;
    EXPECT_EQ(lines().size(), 1U) << status;
  }
  for (const Reason reason :
       {Reason::tls_failed, Reason::policy_refused, Reason::protocol_violation,
        Reason::limit_exceeded, Reason::cancelled, Reason::disk_full}) {
    http_.forget();
    replies({fails(reason)});
    EXPECT_EQ(reason_of([&] { manifest(); }), reason);
    EXPECT_EQ(lines().size(), 1U) << to_string(reason);
  }
}

TEST_F(Patience, WaitsInTheQueueBetweenTries) {
  replies({{500}, {500}, kFine()});
  manifest();
  const auto seen = http_.seen();
  EXPECT_FALSE(seen.at(0).not_before);
  ASSERT_TRUE(seen.at(1).not_before && seen.at(2).not_before);
  EXPECT_GE(*seen[1].not_before, clock_.steady());
  EXPECT_LE(*seen[1].not_before, clock_.steady() + 250ms);
  EXPECT_LE(*seen[2].not_before, clock_.steady() + 500ms);
  ASSERT_EQ(exchanges_.size(), 3U);
  EXPECT_EQ(exchanges_[2].tried, 3U);
}

TEST_F(Patience, WaitsOutASecondThatTheRegistryAsksFor) {
  replies({after(429, "1"), after(429, "1"), kFine()});
  manifest();
  EXPECT_EQ(lines().size(), 3U);
  EXPECT_GE(*http_.seen().at(1).not_before, clock_.steady() + 1s);
  EXPECT_GE(*http_.seen().at(2).not_before, clock_.steady() + 1s);
}

TEST_F(Patience, LeavesARegistryAloneForAsLongAsItAsks) {
  std::vector<std::pair<std::string, WallTime>> blocked;
  settings_.blocked = [&](const std::string& host, WallTime until) {
    blocked.emplace_back(host, until);
  };
  replies({after(429, "60"), kFine()});
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::rate_limited);
  EXPECT_EQ(error->not_before(), clock_.steady() + 60s);
  EXPECT_EQ(lines().size(), 1U) << "waiting a minute is not for a request";
  ASSERT_EQ(blocked.size(), 1U);
  EXPECT_EQ(blocked[0].first, "registry.example.com");
  EXPECT_EQ(blocked[0].second, clock_.wall() + 60s);

  http_.forget();
  const auto another = ref("registry.example.com/other/chart:2");
  clock_.advance(57s);
  const auto again = failure_of([&] { client().resolve(another, counts_, {}); });
  ASSERT_TRUE(again);
  EXPECT_EQ(again->reason(), Reason::rate_limited);
  EXPECT_EQ(again->not_before(), clock_.steady() + 3s);
  EXPECT_NE(std::string(again->what()).find("2026-01-02T03:05:05Z"), std::string::npos)
      << again->what();
  EXPECT_TRUE(lines().empty());

  clock_.advance(1s);
  manifest();
  EXPECT_EQ(http_.seen().at(0).not_before, clock_.steady() + 2s)
      << "the last moments are waited out";
  clock_.advance(2s);
  manifest();
  EXPECT_FALSE(http_.seen().at(1).not_before);
}

TEST_F(Patience, LeavesOtherRegistriesAlone) {
  replies({after(503, "3600")});
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::unavailable);
  registry_.origin = "https://another.example.com";
  manifest(ref("another.example.com/team/web:1.0"));
}

TEST_F(Patience, OfStorageThatARegistrySendsUsToIsNotForTheRegistry) {
  int blocked = 0;
  settings_.blocked = [&](const std::string&, WallTime) { ++blocked; };
  replies({{307, {{"Location", "https://cdn.example.net/m"}}}});
  http_.on("GET https://cdn.example.net/m", {after(503, "600")});
  const auto error = failure_of([&] { manifest(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->not_before(), clock_.steady() + 600s) << "this one is left alone as asked";
  EXPECT_EQ(lines().size(), 2U);
  EXPECT_EQ(blocked, 0);
  registry_.add_manifest("team/other", "1.0", "{}");
  manifest(ref("registry.example.com/team/other:1.0"));
}

TEST_F(Patience, ReadsBothFormsAndClampsThem) {
  struct Row {
    std::string value;
    std::optional<Duration> wait;
  };

  const Row rows[] = {
      {"120", 120s},
      {"Fri, 02 Jan 2026 03:06:05 GMT", 120s},
      {"999999999", 24h},
      {"99999999999999999999999999", 24h},
      {"Sat, 02 Jan 2060 03:06:05 GMT", 24h},
      {"Fri, 02 Jan 2015 03:06:05 GMT", 0s},
      {"-5", std::nullopt},
      {"soon", std::nullopt},
      {"", std::nullopt},
  };
  int number = 0;
  for (const Row& row : rows) {
    const auto reference = ref(fmt::format("r{}.example.com/a:1", number++));
    http_.on(fmt::format("GET https://{}/v2/a/manifests/1", reference.registry()),
             {after(429, row.value)});
    const auto error = failure_of([&] { manifest(reference); });
    ASSERT_TRUE(error) << row.value;
    EXPECT_EQ(error->reason(), Reason::rate_limited);
    const auto expected = row.wait ? std::optional(clock_.steady() + *row.wait) : std::nullopt;
    EXPECT_EQ(error->not_before(), expected) << row.value;
  }
}

TEST_F(Patience, HoldsForTheTokenServiceToo) {
  registry_.auth = FakeRegistry::Auth::bearer;
  http_.on(std::string(kTokenLine), {after(429, "600")});
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::rate_limited);
  http_.forget();
  EXPECT_EQ(reason_of([&] { manifest(); }), Reason::rate_limited);
  EXPECT_TRUE(lines().empty());
}

TEST_F(Patience, TriesATokenServiceThatStumblesAgain) {
  registry_.auth = FakeRegistry::Auth::bearer;
  http_.on(std::string(kTokenLine), {{500}, {200, {}, R"({"token":"good"})"}});
  http_.on(std::string(kManifestLine),
           {{401, {{"WWW-Authenticate", R"(Bearer realm="https://registry.example.com/token")"}}},
            kFine()});
  manifest();
  EXPECT_EQ(http_.count(kTokenLine), 2U);
}

TEST_F(Patience, EndsWhenWeAreAskedToStop) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(reason_of([&] { client().manifest(ref(), counts_, stop.get_token()); }),
            Reason::cancelled);
}

}  // namespace
}  // namespace ocisync
