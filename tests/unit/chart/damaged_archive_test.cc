#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unpacking.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

// A chart with every kind of header in it.
TarBuilder rich_chart() {
  std::string noise(5000, '\0');
  std::minstd_rand random(1);  // NOLINT(cert-msc51-cpp): the same each time
  for (char& c : noise)
    c = static_cast<char>(random());
  return small_chart()
      .directory("u/templates/")
      .pax({{"path", "u/templates/é-" + std::string(150, 'x')}, {"mtime", "1.5"}})
      .file("u/short", noise)
      .gnu_long('L', "u/" + std::string(120, 'g'))
      .file("u/short", "gnu")
      .pax({{"comment", "global"}}, 'g')
      .file("u/values.yaml", "a: 1\n")
      .file("u/empty");
}

void expect_damage(const std::string& packed, const char* says, const char* what) {
  Unpacking unpacking;
  const auto error = unpacking.refusal(packed);
  ASSERT_TRUE(error) << what;
  EXPECT_EQ(error->reason(), Reason::chart_invalid) << what << ": " << error->what();
  EXPECT_THAT(error->what(), HasSubstr(says)) << what;
  EXPECT_TRUE(unpacking.contained()) << what;
}

TEST(DamagedArchive, IsRefusedWhenItsChecksumsDoNotMatch) {
  const std::string whole = gzip(small_chart().finished());
  std::string crc = whole;
  crc[crc.size() - 8] ^= 1;
  expect_damage(crc, "incorrect data check", "CRC");
  std::string length = whole;
  length[length.size() - 1] ^= 1;
  expect_damage(length, "incorrect length check", "ISIZE");
  std::string first = gzip("") + whole;
  first[first.size() - whole.size() - 8] ^= 1;
  expect_damage(first, "incorrect data check", "CRC of a member before");
  TarFields wrong;
  wrong.name = "u/a";
  wrong.checksum = std::string("000001\0 ", 8);
  expect_damage(gzip(small_chart().entry(wrong, "x").finished()), "not a sound tar", "tar");
  expect_damage(gzip(TarBuilder().entry(wrong, "x").finished()), "not a sound tar", "first header");
}

TEST(DamagedArchive, IsRefusedWhenSomethingFollowsItsEnd) {
  const std::string tar = small_chart().finished();
  const std::string whole = gzip(tar);
  const std::string second = small_chart().file("u/evil", "x").finished();

  const struct {
    const char* what;
    std::string packed;
    const char* says;
  } cases[] = {
      {"one byte", whole + 'x', "cut short"},
      {"two bytes", whole + "xy", "goes on after its gzip stream"},
      {"zeros outside", whole + std::string(512, '\0'), "goes on after its gzip stream"},
      {"text", whole + "trailing garbage", "goes on after its gzip stream"},
      {"half a member", whole + gzip("").substr(0, 12), "cut short"},
      {"a member of text", whole + gzip("text"), "goes on after the end of its tar"},
      {"a member with a second tar", whole + gzip(second), "goes on after the end of its tar"},
      {"a second tar inside", gzip(tar + second), "goes on after the end of its tar"},
      {"a second tar far behind", gzip(tar + std::string(200'000, '\0') + second),
       "goes on after the end of its tar"},
      {"a file after one end block",
       gzip(small_chart().raw(std::string(512, '\0')).file("u/evil", "x").finished()),
       "goes on after the end of its tar"},
      {"a last odd byte", gzip(tar + std::string(100, '\0') + 'x'),
       "goes on after the end of its tar"},
  };

  for (const auto& each : cases)
    expect_damage(each.packed, each.says, each.what);
}

TEST(DamagedArchive, IsRefusedWhenItsRecordsAreMalformed) {
  const struct {
    const char* what;
    std::string packed;
  } cases[] = {
      {"a length that lies", gzip(small_chart().pax_raw("99 path=u/b\n").file("u/a").finished())},
      {"no length", gzip(small_chart().pax_raw("path=u/b\n").file("u/a").finished())},
      {"no equals sign", gzip(small_chart().pax_raw("9 path u\n").file("u/a").finished())},
      {"no newline", gzip(small_chart().pax_raw("10 path=u/").file("u/a").finished())},
      {"PAX header for nothing", gzip(small_chart().pax({{"path", "u/b"}}).finished())},
      {"GNU name for nothing", gzip(small_chart().gnu_long('L', "u/b").finished())},
      {"negative size", gzip(small_chart().pax({{"size", "-1"}}).file("u/a").finished())},
  };

  for (const auto& each : cases) {
    Unpacking unpacking;
    const auto error = unpacking.refusal(each.packed);
    EXPECT_TRUE(unpacking.contained()) << each.what;
    EXPECT_TRUE(error) << each.what;
  }
}

TEST(DamagedArchive, IsRefusedWhereverItsGzipIsCut) {
  const std::string whole = gzip(rich_chart().finished());
  Unpacking unpacking;
  ASSERT_FALSE(unpacking.refusal(whole));
  for (std::size_t size = 0; size < whole.size(); size += 64) {
    const auto error = unpacking.refusal(whole.substr(0, size));
    ASSERT_TRUE(error) << size;
    EXPECT_EQ(error->reason(), Reason::chart_invalid) << size;
    EXPECT_TRUE(unpacking.contained()) << size;
  }
}

TEST(DamagedArchive, IsRefusedWhereverItsTarIsCutInsideAnEntry) {
  const std::size_t boundary = small_chart().unfinished().size();
  const std::string tar = small_chart().file("u/a", std::string(5000, 'x')).unfinished();
  Unpacking unpacking;
  for (std::size_t size = 64; size < tar.size(); size += 64) {
    const auto error = unpacking.refusal(gzip(tar.substr(0, size)));
    EXPECT_TRUE(error || size == boundary) << size;
    EXPECT_TRUE(unpacking.contained()) << size;
  }
}

// Whatever a changed byte does: an Error or a chart, and nothing outside the directory.
class ChangedArchive : public testing::TestWithParam<unsigned> {};

TEST_P(ChangedArchive, NeverEscapes) {
  const std::string tar = rich_chart().finished();
  const std::string packed = gzip(tar);
  Unpacking unpacking;
  for (unsigned seed = GetParam(); seed < GetParam() + 250; ++seed) {
    std::minstd_rand random(seed);
    std::string changed = seed % 4 == 0 ? packed : tar;
    const std::size_t changes = 1 + random() % 8;
    for (std::size_t i = 0; i < changes; ++i)
      changed[random() % changed.size()] = static_cast<char>(random());
    if (seed % 4 != 0) {
      // Mend the headers' checksums half of the time, or nearly all changes end there.
      for (std::size_t at = 0; seed % 2 == 0 && at + 512 <= changed.size(); at += 512)
        if (changed.compare(at + 257, 5, "ustar") == 0) {
          changed.replace(at + 148, 8, "        ");
          unsigned sum = 0;
          for (const char c : changed.substr(at, 512))
            sum += static_cast<unsigned char>(c);
          changed.replace(at + 148, 7, tar_octal(sum, 6) + '\0');
        }
      changed = gzip(changed, 1);
    }
    unpacking.refusal(changed);
    ASSERT_TRUE(unpacking.contained()) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ChangedArchive, testing::Range(0U, 2000U, 250U));

}  // namespace
}  // namespace ocisync
