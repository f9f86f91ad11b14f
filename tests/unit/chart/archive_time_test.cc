#include "chart/archive_time.h"

#include <gtest/gtest.h>

#include "support/failure.h"
#include "support/tar_builder.h"

namespace ocisync {
namespace {

std::optional<WallTime> newest_of(const std::vector<std::uint64_t>& times) {
  TarBuilder tar;
  for (const std::uint64_t time : times) {
    TarFields fields;
    fields.name = "web/" + std::to_string(time);
    fields.time = tar_octal(time, 11);
    tar.entry(fields, "x");
  }
  const std::string packed = gzip(tar.finished());
  MemorySource source(as_bytes(packed));
  return newest_entry(source, {});
}

TEST(ArchiveTime, IsThatOfTheNewestEntry) {
  EXPECT_EQ(newest_of({1'600'000'000, 1'700'000'000, 5}), parse_rfc3339("2023-11-14T22:13:20Z"));
}

TEST(ArchiveTime, IsAbsentWhereNoEntryHasOne) {
  EXPECT_EQ(newest_of({0, 0}), std::nullopt);
  EXPECT_EQ(newest_of({}), std::nullopt);
}

TEST(ArchiveTime, OfWhatIsNoArchiveIsAnError) {
  MemorySource source(as_bytes("nothing of the kind"));
  EXPECT_EQ(reason_of([&] { newest_entry(source, {}); }), Reason::chart_invalid);
}

}  // namespace
}  // namespace ocisync
