#include "registry/repositories.h"

#include <atomic>
#include <future>

#include <gmock/gmock.h>

#include "rig.h"
#include "store/cache_folder.h"

namespace ocisync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kArchive = "the archive";
constexpr std::string_view kIndexLine = "GET https://charts.example.com/stable/index.yaml";

class RepositoriesTest : public Rig {
 protected:
  RepositoriesTest() {
    for (const char* name : {"web", "db"}) {
      ChartSpec chart(Reference::parse("charts.example.com/stable/" + std::string(name)));
      chart.name = name;
      chart.repository = RepositorySpec{"https://charts.example.com/stable", name};
      spec_.charts.push_back(std::move(chart));
    }
  }

  static std::string index(std::string_view urls = "web-1.0.0.tgz",
                           const std::string& digest = Digest::of(kArchive).hex()) {
    return fmt::format(
        "apiVersion: v1\nentries:\n  web:\n  - {{version: 1.0.0, digest: {}, urls: [{}]}}\n"
        "  other:\n  - {{version: 9.0.0, urls: [other.tgz]}}\n",
        digest, urls);
  }

  void serve(std::vector<Reply> replies) { http_.on(std::string(kIndexLine), std::move(replies)); }

  static Reply indexed(std::string body, std::string etag = "\"1\"") {
    return {200, {{"ETag", std::move(etag)}}, std::move(body)};
  }

  std::shared_ptr<const ChartVersions> versions(std::size_t chart = 0,
                                                const Volume* volume = nullptr) {
    return client().repositories().versions(spec_.charts[chart], volume, counts_, {});
  }

  std::string fetch() {
    Spool spool = client().repositories().archive(spec_.charts[0], versions()->entries.at(0),
                                                  1 << 20, nullptr, counts_, {});
    return spool.digest().str();
  }
};

TEST_F(RepositoriesTest, AnIndexIsAskedForOnceAPassWhoeverNeedsIt) {
  serve({indexed(index())});
  EXPECT_EQ(versions(0)->entries.at(0).version, "1.0.0");
  EXPECT_TRUE(versions(1)->entries.empty());
  EXPECT_THAT(lines(), ElementsAre(kIndexLine));
}

TEST_F(RepositoriesTest, TheNextPassAsksWhetherItChanged) {
  serve({indexed(index()), {304}, indexed(index("web-2.0.0.tgz"), "\"2\"")});
  const auto first = versions();
  client().renew_indexes();
  EXPECT_EQ(versions(), first) << "nothing was read again";
  EXPECT_EQ(http_.seen().back().header("If-None-Match"), "\"1\"");
  client().renew_indexes();
  EXPECT_THAT(versions()->entries.at(0).urls, ElementsAre("web-2.0.0.tgz"));
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(RepositoriesTest, WhatAnotherProcessHeardIsKnown) {
  cache_test::CacheFolder folder;
  const Volume volume = folder.open();
  serve({indexed(index())});
  versions(0, &volume);
  end_client();
  http_.forget();
  serve({{304}});
  EXPECT_EQ(versions(0, &volume)->entries.at(0).version, "1.0.0");
  EXPECT_EQ(http_.seen().at(0).header("If-None-Match"), "\"1\"");
}

TEST_F(RepositoriesTest, AnIndexThatIsNoneFailsItsCharts) {
  serve({{404}});
  EXPECT_EQ(reason_of([&] { versions(); }), Reason::not_found);
  serve({{200, {}, "entries: [1, 2]\n"}});
  EXPECT_EQ(reason_of([&] { versions(); }), Reason::protocol_violation);
  serve({{200, {{"Content-Type", "text/html"}}, "<!DOCTYPE html><html>log in</html>"}});
  EXPECT_THAT(failure_of([&] { versions(); })->what(), HasSubstr("page"));
  serve({indexed(index())});
  EXPECT_EQ(versions()->entries.size(), 1U) << "a failure is not remembered";
}

TEST_F(RepositoriesTest, AChartThatIsStoppedTakesNoOtherAlong) {
  std::promise<void> asked, stopped;
  std::atomic<int> requests = 0;
  http_.otherwise([&](const ScriptedHttp::Seen&) {
    if (++requests > 1)
      return indexed(index());
    asked.set_value();
    stopped.get_future().wait();
    return fails(Reason::cancelled);
  });
  auto& repositories = client().repositories();
  auto first = std::async(std::launch::async, [&] {
    TransferCounts counts;
    return reason_of([&] { repositories.versions(spec_.charts[0], nullptr, counts, {}); });
  });
  asked.get_future().wait();
  auto second = std::async(std::launch::async, [&] { return versions(1); });
  second.wait_for(std::chrono::milliseconds(100));  // it waits for the first by now
  stopped.set_value();
  EXPECT_EQ(first.get(), Reason::cancelled);
  EXPECT_TRUE(second.get()->entries.empty());
  EXPECT_EQ(requests, 2);
}

TEST_F(RepositoriesTest, AnArchiveComesFromTheFirstUrlThatHasIt) {
  serve({indexed(index("'https://charts.example.com/gone.tgz', web-1.0.0.tgz"))});
  http_.on("GET https://charts.example.com/stable/web-1.0.0.tgz",
           {{200, {}, std::string(kArchive)}});
  http_.on("GET https://charts.example.com/gone.tgz", {{404}});
  EXPECT_EQ(fetch(), Digest::of(kArchive).str());
  EXPECT_THAT(lines(), ElementsAre(kIndexLine, "GET https://charts.example.com/gone.tgz",
                                   "GET https://charts.example.com/stable/web-1.0.0.tgz"));
}

TEST_F(RepositoriesTest, ADigestThatDoesNotFitMakesTheIndexDoubtful) {
  serve({indexed(index()), indexed(index("web-1.0.0.tgz", Digest::of("others").hex()), "\"2\"")});
  http_.on("GET https://charts.example.com/stable/web-1.0.0.tgz", {{200, {}, "others"}});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::digest_mismatch);
  EXPECT_EQ(fetch(), Digest::of("others").str()) << "asked again, the index tells of them";
}

TEST_F(RepositoriesTest, CredentialsStayWithTheRepositorysOrigin) {
  log_in("charts.example.com");
  entry("charts.example.com");
  http_.otherwise([&](const ScriptedHttp::Seen& seen) {
    if (seen.url.origin().host == "charts.example.com" && seen.header("Authorization").empty())
      return Reply{401, {{"WWW-Authenticate", "Basic realm=\"x\""}}};
    return Reply{200,
                 {},
                 seen.line == kIndexLine ? index("'https://cdn.example.net/web.tgz'")
                                         : std::string(kArchive)};
  });
  EXPECT_EQ(fetch(), Digest::of(kArchive).str());
  EXPECT_TRUE(saw_credentials("charts.example.com"));
  EXPECT_FALSE(saw_credentials("cdn.example.net"));
}

TEST_F(RepositoriesTest, UrlsThatLeadAstrayAreNotFollowed) {
  for (const char* url : {"'http://charts.example.com/web.tgz'", "'https://127.0.0.1/web.tgz'"}) {
    serve({indexed(index(url))});
    end_client();
    http_.forget();
    EXPECT_EQ(reason_of([&] { fetch(); }), Reason::policy_refused) << url;
    EXPECT_THAT(lines(), ElementsAre(kIndexLine));
  }
}

TEST_F(RepositoriesTest, ProvenanceThatIsNotThereIsNoFailure) {
  serve({indexed(index())});
  const std::string line = "GET https://charts.example.com/stable/web-1.0.0.tgz.prov";
  const auto provenance = [&] {
    return client().repositories().provenance(spec_.charts[0], versions()->entries.at(0), 1 << 20,
                                              nullptr, counts_, {});
  };
  for (const int status : {404, 403}) {
    http_.on(line, {{status}});
    EXPECT_FALSE(provenance().file) << status;
    EXPECT_TRUE(provenance().settled) << status;
  }
  // A chart is whole without it, so what is final of it is not final for the chart.
  for (const Reply& reply : {Reply{400}, Reply{404, {}, std::string(100'000, 'x')},
                             Reply{302, {{"Location", "https://10.0.0.1/login"}}},
                             Reply{200, {}, std::string(2 << 20, 'x')}}) {
    http_.on(line, {reply});
    EXPECT_FALSE(provenance().file) << reply.status;
    EXPECT_EQ(provenance().settled, reply.status == 404) << "it may be there another time";
  }
  for (const Reason reason : {Reason::unavailable, Reason::timed_out, Reason::cancelled,
                              Reason::disk_full, Reason::storage_failed}) {
    http_.on(line, {fails(reason)});
    EXPECT_EQ(reason_of([&] { provenance(); }), reason);
  }
  http_.on(line, {{200, {}, "signed"}});
  EXPECT_EQ(provenance().file.value().digest(), Digest::of("signed"));
}

}  // namespace
}  // namespace ocisync
