#include "registry/select.h"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "support/failure.h"

namespace ocisync {
namespace {

constexpr std::string_view kTitle = "org.opencontainers.image.title";
constexpr std::string_view kVersion = "org.opencontainers.image.version";

// Documents by digest, and how to make them.
class Selection : public ::testing::Test {
 protected:
  Descriptor keep(std::string_view type, const std::string& bytes) {
    const Digest digest = Digest::of(bytes);
    documents_[digest.str()] = bytes;
    return {std::string(type), digest, bytes.size(), "", {}};
  }

  static std::string descriptor(std::string_view type, const Digest& digest, std::size_t size) {
    return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}}})", type, digest.str(), size);
  }

  Descriptor chart(const std::string& name, const std::string& version, bool annotated = false) {
    const std::string config = fmt::format(R"({{"name":"{}","version":"{}"}})", name, version);
    const Descriptor blob = keep(media_type::kHelmConfig, config);
    const std::string annotations = annotated
                                        ? fmt::format(R"(,"annotations":{{"{}":"{}","{}":"{}"}})",
                                                      kTitle, name, kVersion, version)
                                        : "";
    return keep(
        media_type::kManifest,
        fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]{}}})",
                    descriptor(media_type::kHelmConfig, blob.digest, blob.size),
                    descriptor(media_type::kChart, Digest::of(name + version), 9), annotations));
  }

  Descriptor image(const std::string& name) {
    return keep(media_type::kManifest,
                fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[]}})",
                            descriptor(media_type::kImageConfig, Digest::of(name), 9)));
  }

  Descriptor index(const std::vector<Descriptor>& entries) {
    std::string list;
    for (const Descriptor& each : entries)
      list += (list.empty() ? "" : ",") + descriptor(each.media_type, each.digest, each.size);
    return keep(media_type::kIndex, fmt::format(R"({{"schemaVersion":2,"manifests":[{}]}})", list));
  }

  SelectedChart select(std::vector<Descriptor> entries, std::string_view name = "",
                       std::string_view version = "") {
    reads_ = 0;
    return select_chart(Index{std::move(entries)}, name, version, [this](const Descriptor& wanted) {
      ++reads_;
      const auto found = documents_.find(wanted.digest.str());
      if (found == documents_.end())
        throw Error(Reason::not_found, "no such document");
      return found->second;
    });
  }

  static Descriptor announced(Descriptor entry) {
    entry.artifact_type = media_type::kHelmConfig;
    return entry;
  }

  std::map<std::string, std::string> documents_;
  int reads_ = 0;
};

TEST_F(Selection, TakesTheOnlyChart) {
  const Descriptor web = chart("web", "1.0.0");
  EXPECT_EQ(select({web}).manifest.digest, web.digest);
  EXPECT_EQ(select({image("a"), web, image("b")}).manifest.digest, web.digest);
  EXPECT_EQ(select({web, image("a")}).chart.format, ChartFormat::current);
}

TEST_F(Selection, ReadsOnlyWhatIsAnnounced) {
  const Descriptor web = chart("web", "1.0.0");
  EXPECT_EQ(select({image("a"), announced(web), chart("other", "1")}).manifest.digest, web.digest);
  EXPECT_EQ(reads_, 1);
}

TEST_F(Selection, LooksIntoNestedIndexesAndNoDeeperThanThree) {
  const Descriptor web = chart("web", "1.0.0");
  const Descriptor inner = index({image("a"), web});
  EXPECT_EQ(select({index({inner})}).manifest.digest, web.digest);
  EXPECT_EQ(reason_of([&] { select({index({index({inner})})}); }), Reason::limit_exceeded);
}

TEST_F(Selection, ReadsNothingTwice) {
  const Descriptor web = chart("web", "1.0.0");
  EXPECT_EQ(select({web, web, index({web}), web}).manifest.digest, web.digest);
  EXPECT_EQ(reads_, 2);
}

TEST_F(Selection, ReadsAtMostSixtyFourDocuments) {
  std::vector<Descriptor> images;
  for (int i = 0; i < 65; ++i)
    images.push_back(image(std::to_string(i)));
  EXPECT_EQ(reason_of([&] { select(images); }), Reason::limit_exceeded);
}

TEST_F(Selection, NarrowsByNameAndVersion) {
  for (const bool annotated : {false, true}) {
    const Descriptor web = chart("web", "1.0.0", annotated), api = chart("api", "1.0.0", annotated),
                     newer = chart("web", "2.0.0+b.1", annotated);
    EXPECT_EQ(select({web, api}, "api").manifest.digest, api.digest);
    EXPECT_EQ(select({web, newer}, "web", "2.0.0+b.1").manifest.digest, newer.digest);
    EXPECT_EQ(select({web, newer}, "web", "2.0.0_b.1").manifest.digest, newer.digest);
    EXPECT_EQ(select({web, api}, "web", "9.9.9").manifest.digest, web.digest)
        << "a version that none has narrows nothing";
  }
}

TEST_F(Selection, NeverChoosesAtRandom) {
  const Descriptor alpha = chart("alpha", "1.0.0"), beta = chart("beta", "1.0.0");
  for (const auto& entries :
       {std::vector{alpha, beta}, std::vector{announced(beta), announced(alpha)}}) {
    const auto error = failure_of([&] { select(entries, "gamma"); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->reason(), Reason::ambiguous_chart);
    for (const std::string_view part : {"alpha 1.0.0", "beta 1.0.0", "sha256:"})
      EXPECT_NE(error->message().find(part), std::string::npos) << error->message();
  }
}

TEST_F(Selection, FindsNothingInAnIndexOfImages) {
  EXPECT_EQ(reason_of([&] { select({image("a")}); }), Reason::unsupported);
  EXPECT_EQ(reason_of([&] { select({}); }), Reason::unsupported);
}

TEST_F(Selection, FailsWhereAnEntryCannotBeRead) {
  Descriptor missing = chart("web", "1.0.0");
  documents_.erase(missing.digest.str());
  EXPECT_EQ(reason_of([&] { select({chart("api", "1.0.0"), missing}); }), Reason::not_found);
  const Descriptor broken = keep(media_type::kManifest, "{");
  EXPECT_EQ(reason_of([&] {
              select({chart("api", "1.0.0"), broken});
            }),
            Reason::protocol_violation);
}

TEST_F(Selection, PassesOverTypesItDoesNotKnow) {
  const Descriptor web = chart("web", "1.0.0");
  const Descriptor docker = keep(
      media_type::kDockerManifest,
      fmt::format(
          R"({{"schemaVersion":2,"config":{},"layers":[]}})",
          descriptor("application/vnd.docker.container.image.v1+json", Digest::of("image"), 9)));
  EXPECT_EQ(select({keep("application/x-unknown", "?"), web, docker}).manifest.digest, web.digest);
}

}  // namespace
}  // namespace ocisync
