#include "store/reference_path.h"

#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

const std::string kHex(64, 'a');

struct Place {
  std::string reference;
  std::string path;
};

const Place kPlaces[] = {
    {"localhost:5000/myrepo/mychart:2.7.0", "localhost_5000/myrepo/mychart/tags/2.7.0"},
    {"registry.example.com/web:1.0", "registry.example.com/web/tags/1.0"},
    {"registry.example.com:443/a/b/c/d:latest", "registry.example.com_443/a/b/c/d/tags/latest"},
    {"docker.io/org/chart:1.2.3_build.5", "docker.io/org/chart/tags/1.2.3_build.5"},
    {"h.io/x/other_name:1", "h.io/x/other_name/tags/1"},
    {"h.io/tags/digests/tags:tags", "h.io/=tags/=digests/=tags/tags/tags"},
    {"h.io/a/tags-not:digests", "h.io/a/tags-not/tags/digests"},
    {"h.io/a@sha256:" + kHex, "h.io/a/digests/sha256-" + kHex},
    {"h.io/a@sha512:" + kHex + kHex, "h.io/a/digests/sha512-" + kHex + kHex},
    {"[::1]:5000/a:1", "__1_5000/a/tags/1"},
    {"[::1]/a:1", "__1/a/tags/1"},
    {"[2001:db8::5]:443/a:1", "2001_db8__5_443/a/tags/1"},
    {"[fe80::1]/a:1", "fe80__1/a/tags/1"},
    {"[1:2:3:4:5:6:7:8]/a:1", "1_2_3_4_5_6_7_8/a/tags/1"},
    {"[1:2:3:4:5:6:7:8]:80/a:1", "1_2_3_4_5_6_7_8_80/a/tags/1"},
    {"10.0.0.1:5000/a:1", "10.0.0.1_5000/a/tags/1"},
};

TEST(ReferencePath, LeadsThereAndBack) {
  for (const Place& place : kPlaces) {
    const Reference reference = Reference::parse(place.reference);
    EXPECT_EQ(reference_path(reference, ReferenceSource::registry), place.path);
    const auto back = reference_at(place.path);
    ASSERT_TRUE(back.has_value()) << place.path;
    EXPECT_EQ(back->reference.str(), reference.str());
    EXPECT_EQ(back->source, ReferenceSource::registry);
  }
}

TEST(ReferencePath, KeepsClassicChartsApart) {
  const Reference reference = Reference::parse("charts.example.com/stable/legacy:1.2.3");
  const std::string path = reference_path(reference, ReferenceSource::classic);
  EXPECT_EQ(path, "charts.example.com/=index/stable/legacy/tags/1.2.3");
  const auto back = reference_at(path);
  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->reference, reference);
  EXPECT_EQ(back->source, ReferenceSource::classic);
}

TEST(ReferencePath, PrefersTheDigest) {
  const Reference both = Reference::parse("h.io/a:1@sha256:" + kHex);
  EXPECT_EQ(reference_path(both, ReferenceSource::registry), "h.io/a/digests/sha256-" + kHex);
}

TEST(ReferencePath, NeedsATagOrADigest) {
  EXPECT_EQ(
      reason_of([] { reference_path(Reference::parse("h.io/a"), ReferenceSource::registry); }),
      Reason::internal);
}

TEST(ReferencePath, DoesNotUnderstandWhatItWouldNotHaveWritten) {
  for (const char* path : {"",
                           "h.io",
                           "h.io/a",
                           "h.io/a/tags",
                           "mychart/tags/1.0",
                           "h.io/tags/1",
                           "h.io/a/other/1",
                           "H.io/a/tags/1",
                           "h.io/A/tags/1",
                           "h.io/../tags/1",
                           "h.io/a//tags/1",
                           "h.io/a/tags/.hidden",
                           "h.io/a/tags/1+2",
                           "h.io/a/digests/sha256-short",
                           "h.io/a/digests/md5-00",
                           "h.io/a/digests/x",
                           "h.io/=a/tags/1",
                           "h.io/=index/tags/1",
                           "index.docker.io/a/b/tags/1",
                           "h_x/a/tags/1",
                           "____/a/tags/1",
                           "[__1]_80/a/tags/1"})
    EXPECT_FALSE(reference_at(path).has_value()) << path;
}

}  // namespace
}  // namespace ocisync
