#include "registry/kept_index.h"

#include <gtest/gtest.h>

#include "support/temp_directory.h"

namespace ocisync {
namespace {

constexpr std::string_view kUrl = "https://charts.example.com/stable";

class KeptIndexNote : public ::testing::Test {
 protected:
  // What is read after `entry` was kept as the only version of "web".
  std::optional<KeptIndex> kept(const IndexEntry& entry) {
    KeptIndex index{"\"etag\"", "", {}};
    index.charts["web"] = std::make_shared<ChartVersions>(ChartVersions{{entry}, 2, "a fault"});
    write_kept_index(volume_, std::string(kUrl), index);
    return read_kept_index(volume_, std::string(kUrl));
  }

  TempDirectory folder_;
  Volume volume_ = Volume::open(folder_.path(), kDefaultModes);
};

TEST_F(KeptIndexNote, IsReadAsItWasWritten) {
  const IndexEntry entry{"1.2.3+build",
                         {"web-1.2.3.tgz", "https://cdn.example.com/w"},
                         Digest::of("archive"),
                         "2024-01-01T00:00:00Z",
                         true};
  const auto index = kept(entry);
  ASSERT_TRUE(index);
  EXPECT_EQ(index->etag, "\"etag\"");
  EXPECT_EQ(*index->charts.at("web"), (ChartVersions{{entry}, 2, "a fault"}));
  EXPECT_FALSE(read_kept_index(volume_, "https://charts.example.com/other"));
}

TEST_F(KeptIndexNote, IsForgottenWhenItListsWhatNoIndexCould) {
  for (const IndexEntry& entry :
       {IndexEntry{"", {"web.tgz"}, {}, "", false},
        IndexEntry{"latest", {"web.tgz"}, {}, "", false}, IndexEntry{"1.0.0", {}, {}, "", false}})
    EXPECT_FALSE(kept(entry)) << entry.version;
}

}  // namespace
}  // namespace ocisync
