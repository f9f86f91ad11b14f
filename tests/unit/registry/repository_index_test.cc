#include "registry/repository_index.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"

namespace ocisync {
namespace {

constexpr std::string_view kDigest =
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

RepositoryIndex read(std::string_view text, const std::set<std::string>& names = {"web"}) {
  MemorySource source(as_bytes(text));
  return read_repository_index(source, names);
}

ChartVersions web(std::string_view entries) {
  return read(fmt::format("apiVersion: v1\nentries:\n  web:\n{}", entries)).at("web");
}

Reason refusal(std::string_view text) {
  const auto error = error_of([&] { read(text); });
  return error ? error->reason() : Reason::internal;
}

TEST(RepositoryIndex, KeepsTheWantedChartsAlone) {
  const auto index = read(fmt::format("apiVersion: v1\n"
                                      "annotations: {{web: [{{version: 9.9.9, urls: [x]}}]}}\n"
                                      "entries:\n"
                                      "  db:\n  - {{version: 2.0.0, urls: [db.tgz]}}\n"
                                      "  web:\n"
                                      "  - apiVersion: v2\n"
                                      "    created: \"2024-05-01T10:00:00Z\"\n"
                                      "    dependencies:\n"
                                      "    - {{name: x, version: 7.0.0, urls: [y]}}\n"
                                      "    digest: {}\n"
                                      "    urls: [web-1.0.0.tgz, 'https://b.example/web.tgz']\n"
                                      "    version: 1.0.0\n"
                                      "    deprecated: true\n"
                                      "generated: now\n",
                                      kDigest),
                          {"web", "absent"});
  ASSERT_EQ(index.size(), 2U);
  EXPECT_EQ(index.at("absent"), ChartVersions{});
  const IndexEntry entry{"1.0.0",
                         {"web-1.0.0.tgz", "https://b.example/web.tgz"},
                         Digest::parse(fmt::format("sha256:{}", kDigest)),
                         "2024-05-01T10:00:00Z",
                         true};
  EXPECT_EQ(index.at("web"), (ChartVersions{{entry}, 0, ""}));
}

TEST(RepositoryIndex, JsonIsTheSame) {
  const auto json = read(fmt::format(R"( {{"apiVersion":"v1","entries":{{"db":[1],"web":[
      {{"version":"1.0.0","urls":["a.tgz"],"digest":"{}","size":1e3,"x":null,"y":[[]]}}]}}}})",
                                     kDigest));
  const auto yaml =
      web(fmt::format("  - {{version: 1.0.0, urls: [a.tgz], digest: 'sha256:{}'}}\n", kDigest));
  EXPECT_EQ(json.at("web"), yaml);
}

TEST(RepositoryIndex, SkipsWhatCannotBeUsed) {
  for (const auto& [entry, fault] : std::map<std::string, std::string>{
           {"7", "an entry that is no map"},
           {"", "an empty entry"},
           {"[1]", "an entry that is a list"},
           {"*known", "an entry that is an alias"},
           {"{urls: [a]}", "an entry without a version"},
           {"{version: 1.0.0}", "version 1.0.0 has no url"},
           {"{version: 1.0.0, urls: a}", "urls is not a list"},
           {"{version: 1.0.0, urls: {a: b}}", "urls is a map"},
           {"{version: 1.0.0, urls: [\"\"]}", "an empty url"},
           {"{version: 1.0.0, urls: *known}", "urls is an alias"},
           {"{version: [1], urls: [a]}", "version is a list"},
           {"{version: latest, urls: [a]}", "'latest' is not a version"},
           {"{version: 1/2, urls: [a]}", "'1/2' is not a version"},
           {"{version: 1.0.0, version: 2.0.0, urls: [a]}", "version stands there twice"},
           {"{version: 1.0.0, urls: [a], digest: abc}", "'abc' is not a sha256 digest"},
           {"{version: 1.0.0, urls: [a], removed: true}", "version 1.0.0 was removed"},
       }) {
    const auto index =
        read(fmt::format("apiVersion: v1\nx: &known [a]\nentries:\n  web:\n  - {}\n"
                         "  - {{version: 0.1.0, urls: [b]}}\n",
                         entry));
    EXPECT_EQ(index.at("web").first_fault, fault) << entry;
    EXPECT_EQ(index.at("web").skipped, 1U) << entry;
    ASSERT_EQ(index.at("web").entries.size(), 1U) << entry;
    EXPECT_EQ(index.at("web").entries[0].version, "0.1.0");
  }
  EXPECT_EQ(read("apiVersion: v1\nentries: {web: {a: {version: 1.0.0}}}").at("web").first_fault,
            "a map in the place of a list of versions");
}

TEST(RepositoryIndex, OfEqualVersionsTheFirstCounts) {
  const auto versions = web("  - {version: 1.0.0, urls: [a]}\n  - {version: 1.0.0, urls: [b]}\n");
  ASSERT_EQ(versions.entries.size(), 1U);
  EXPECT_EQ(versions.entries[0].urls, std::vector<std::string>{"a"});
}

TEST(RepositoryIndex, RefusesWhatIsNoIndex) {
  for (const std::string& text :
       {std::string(), std::string("entries: {web: []}"), std::string("- a"), std::string("text"),
        std::string("apiVersion: v1\nentries: {web: ["), std::string("apiVersion: v1\nx: 'open"),
        std::string("apiVersion: v1\n--- \na: b"), std::string("{\"apiVersion\":\"v1\""),
        std::string("apiVersion: v1\nentries: ") + std::string(100, '['),
        std::string("{\"apiVersion\":") + std::string(100'000, '['),
        std::string("apiVersion: v1\nx: [") + std::string(100'000, ',')})
    EXPECT_EQ(refusal(text), Reason::protocol_violation) << text.substr(0, 60);
  std::string anchors = "apiVersion: v1\nx:\n";
  for (int i = 0; i < 1001; ++i)
    anchors += fmt::format("- &a{} x\n", i);
  EXPECT_EQ(refusal(anchors), Reason::protocol_violation);
}

TEST(RepositoryIndex, BoundsWhatItKeeps) {
  std::string text = "apiVersion: v1\nentries:\n  web:\n";
  const std::string url(8000, 'u');
  for (int i = 0; i < 2200; ++i)
    text += fmt::format("  - version: 1.0.{}\n    urls: [{}]\n", i, url);
  EXPECT_EQ(refusal(text), Reason::limit_exceeded);
  text.replace(text.find("  web:"), 6, "  db: ");
  EXPECT_EQ(read(text).at("web"), ChartVersions{});
}

TEST(RepositoryIndex, ChoosesVersionsAsHelmDoes) {
  const auto versions =
      web("  - {version: v1.2.3, urls: [a]}\n  - {version: 1.10.0, urls: [b]}\n"
          "  - {version: 2.0.0-rc.1, urls: [c]}\n  - {version: 1.2.4+build, urls: [d]}\n");
  const auto highest = [&](std::string_view range, const char* filter = nullptr) {
    const auto* entry = highest_version(versions, VersionRange::parse(range),
                                        filter ? std::optional(std::regex(filter)) : std::nullopt);
    return entry ? entry->version : "none";
  };
  EXPECT_EQ(highest("*"), "1.10.0");
  EXPECT_EQ(highest("1.2"), "1.2.4+build");
  EXPECT_EQ(highest("1.2", "v.*"), "v1.2.3");
  EXPECT_EQ(highest(">=1.0.0-0"), "2.0.0-rc.1");
  EXPECT_EQ(highest("3.x"), "none");
  EXPECT_EQ(find_version(versions, "1.2.3")->version, "v1.2.3");
  EXPECT_EQ(find_version(versions, "1.2.4+build")->version, "1.2.4+build");
  EXPECT_EQ(find_version(versions, "1.2.4"), nullptr);
}

TEST(RepositoryIndex, JoinsUrlsAsHelmDoes) {
  const auto join = [](std::string_view base, std::string_view file) {
    std::string why;
    const auto url = repository_file(*Url::parse(base), file, why);
    return url ? url->str() : why;
  };
  EXPECT_EQ(join("https://h/charts", "web.tgz"), "https://h/charts/web.tgz");
  EXPECT_EQ(join("https://h/charts/", "./a/web.tgz"), "https://h/charts/a/web.tgz");
  EXPECT_EQ(join("https://h/charts", "../web.tgz"), "https://h/web.tgz");
  EXPECT_EQ(join("https://h/charts", "/web.tgz"), "https://h/web.tgz");
  EXPECT_EQ(join("https://h/charts?key=1", "web.tgz"), "https://h/charts/web.tgz?key=1");
  EXPECT_EQ(join("https://h/charts?key=1", "web.tgz?own=2"), "https://h/charts/web.tgz?key=1");
  EXPECT_EQ(join("https://h/charts", "web.tgz?own=2"), "https://h/charts/web.tgz?own=2");
  EXPECT_EQ(join("https://h/charts?key=1", "https://b/web.tgz"), "https://b/web.tgz");
  EXPECT_EQ(join("https://h/charts?key=1", "//b/web.tgz"), "https://b/web.tgz");
  EXPECT_NE(join("https://h/charts", "oci://b/web:1.0.0").find("neither http nor https"),
            std::string::npos);
}

}  // namespace
}  // namespace ocisync
