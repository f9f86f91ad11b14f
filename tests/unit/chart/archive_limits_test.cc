#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "unpacking.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

void expect_limit(const std::string& packed, const ArchiveLimits& limits, const char* says) {
  Unpacking unpacking;
  const auto error = unpacking.refusal(packed, limits);
  ASSERT_TRUE(error) << says;
  EXPECT_EQ(error->reason(), Reason::limit_exceeded) << error->what();
  EXPECT_THAT(error->what(), HasSubstr(says));
  EXPECT_TRUE(unpacking.contained());
}

void expect_fine(const std::string& packed, const ArchiveLimits& limits) {
  Unpacking unpacking;
  const auto error = unpacking.refusal(packed, limits);
  EXPECT_FALSE(error) << error->what();
}

// Yields `head`, then `piece` many times over, and remembers how much was asked for.
class Repeating final : public Source {
 public:
  Repeating(std::string head, std::string piece, std::size_t times)
      : now_(std::move(head)), piece_(std::move(piece)), times_(times) {}

  std::size_t read(std::span<std::byte> into) override {
    if (at_ == now_.size() && times_ > 0) {
      now_ = piece_;
      at_ = 0;
      --times_;
    }
    const std::size_t count = std::min(into.size(), now_.size() - at_);
    std::copy_n(as_bytes(now_).begin() + static_cast<std::ptrdiff_t>(at_), count, into.begin());
    at_ += count;
    given_ += count;
    return count;
  }

  std::size_t given() const { return given_; }

 private:
  std::string now_, piece_;
  std::size_t times_;
  std::size_t at_ = 0;
  std::size_t given_ = 0;
};

Reason refusal_of(Source& source, const std::filesystem::path& into, const ArchiveLimits& limits) {
  return reason_of([&] { unpack_chart(source, Directory::open(into), limits, kDefaultModes); })
      .value_or(Reason::internal);
}

std::uint64_t bytes_below(const std::filesystem::path& root) {
  std::uint64_t total = 0;
  for (const auto& [name, contents] : tree_below(root))
    total += contents.size();
  return total;
}

TEST(ArchiveLimits, CountEachFileToTheByte) {
  ArchiveLimits limits;
  limits.file_size = 5000;
  expect_fine(gzip(small_chart().file("u/a", std::string(5000, 'x')).finished()), limits);
  expect_limit(gzip(small_chart().file("u/a", std::string(5001, 'x')).finished()), limits,
               "\"u/a\" is larger than 4.9 KiB");
}

TEST(ArchiveLimits, CountAllFilesTogetherToTheByte) {
  ArchiveLimits limits;
  limits.unpacked_size = 10'000;
  const auto with = [](std::size_t size) {
    return gzip(small_chart()
                    .file("u/a", std::string(5000, 'x'))
                    .file("u/b", std::string(size - 5000 - kSmallChartYaml.size(), 'x'))
                    .finished());
  };
  expect_fine(with(10'000), limits);
  expect_limit(with(10'001), limits, "larger than 9.8 KiB together");
}

TEST(ArchiveLimits, CountEntries) {
  ArchiveLimits limits;
  limits.entries = 3;
  TarBuilder tar = small_chart().directory("u/a/").file("u/b/c");
  expect_fine(gzip(tar.finished()), limits);
  expect_limit(gzip(tar.file("u/d").finished()), limits, "more than 3 entries");
}

TEST(ArchiveLimits, CountTheDirectoriesThatNamesImply) {
  ArchiveLimits limits;
  limits.entries = 3;
  expect_fine(gzip(small_chart().file("u/1/2/3/file").finished()), limits);
  expect_limit(gzip(small_chart().file("u/1/2/3/4/file").finished()), limits,
               "more than 3 directories");
}

TEST(ArchiveLimits, BoundNamesInLengthAndDepth) {
  const std::string component(255, 'c');
  std::string longest;
  while (longest.size() + 200 < 1024)
    longest += std::string(199, 'p') + '/';
  longest += std::string(1024 - longest.size(), 'p');
  std::string deepest = "1";
  for (int level = 2; level <= 32; ++level)
    deepest += "/" + std::to_string(level);
  const auto with = [](const std::string& path) {
    return gzip(small_chart().pax({{"path", "u/" + path}}).file("u/x", "x").finished());
  };
  expect_fine(with(component), {});
  expect_limit(with(component + "c"), {}, "a component of more than 255 bytes");
  expect_fine(with(longest), {});
  expect_limit(with(longest + "p"), {}, "is longer than 1024 bytes");
  expect_fine(with(deepest), {});
  expect_limit(with(deepest + "/33"), {}, "deeper than 32 levels");
  expect_limit(with(std::string(60'000, 'x')), {}, "is longer than 1024 bytes");
  expect_limit(with(std::string(900'000, 'x')), {}, "headers take more than 61440 bytes");
  expect_limit(
      gzip(small_chart().gnu_long('L', "u/" + std::string(900'000, '/')).file("u/x").finished()),
      {}, "headers take more than 61440 bytes");
}

TEST(ArchiveLimits, BoundChartYaml) {
  const std::string comment(1 << 20, '#');
  expect_fine(gzip(TarBuilder().file("u/Chart.yaml", comment).finished(), 0), {});
  expect_limit(gzip(TarBuilder().file("u/Chart.yaml", comment + "#").finished(), 0), {},
               "Chart.yaml is larger than 1048576 bytes");
}

TEST(ArchiveLimits, RefuseSizesThatNobodyHas) {
  const auto with_size = [](const std::string& field) {
    TarFields fields;
    fields.name = "u/huge";
    fields.size = field;
    return gzip(small_chart().entry(fields, "x").finished());
  };
  for (const std::string& field :
       {std::string("77777777777"), std::string("777777777777"),
        std::string("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12),
        std::string("\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 12), std::string(12, '\xff'),
        std::string("\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12), std::string("-0000000001")}) {
    Unpacking unpacking;
    EXPECT_TRUE(unpacking.refusal(with_size(field))) << field;
    EXPECT_TRUE(unpacking.contained());
    EXPECT_LT(bytes_below(unpacking.into_path()), 1000U);
  }
  for (const char* size :
       {"9223372036854775807", "9223372036854775808", "18446744073709551616", "1073741824"}) {
    Unpacking unpacking;
    EXPECT_TRUE(
        unpacking.refusal(gzip(small_chart().pax({{"size", size}}).file("u/huge", "x").finished())))
        << size;
  }
}

TEST(ArchiveLimits, StopABombByItsRatio) {
  // One file of 8 MiB of zeros, which gzip packs a thousandfold.
  const std::string packed =
      gzip(small_chart().file("u/zeros", std::string(8 << 20, '\0')).finished());
  expect_limit(packed, {}, "more than 200 times its size");
  Unpacking unpacking;
  unpacking.refusal(packed);
  EXPECT_LE(bytes_below(unpacking.into_path()), 2U << 20);
  ArchiveLimits limits;
  limits.ratio = 1100;
  expect_fine(packed, limits);
  limits.ratio = 0;
  expect_limit(packed, limits, "more than 1 times its size");
  // Below a mebibyte anything goes: a small chart may well be blank lines.
  expect_fine(gzip(small_chart().file("u/blanks", std::string(1'000'000, '\n')).finished()), {});
}

TEST(ArchiveLimits, StopAGibibyteAtTheDeclaredSizeBeforeWritingIt) {
  TarFields fields;
  fields.name = "u/huge";
  fields.size = tar_octal(1 << 30, 11);
  Repeating source(gzip(small_chart().entry(fields).unfinished()), gzip(std::string(1 << 20, '\0')),
                   1024);
  TempDirectory into;
  EXPECT_EQ(refusal_of(source, into.path(), {}), Reason::limit_exceeded);
  EXPECT_FALSE(std::filesystem::exists(into.path() / "huge"));
  EXPECT_LE(source.given(), 256U << 10);
}

TEST(ArchiveLimits, StopAGibibyteOfFilesAtTheTotal) {
  ArchiveLimits limits;
  limits.unpacked_size = 4 << 20;
  limits.ratio = 2000;
  TarBuilder tar = small_chart();
  for (int i = 0; i < 5; ++i)
    tar.file("u/" + std::to_string(i), std::string(1 << 20, '\0'));
  Repeating source(gzip(tar.unfinished()), gzip(std::string(1 << 20, '\0')), 1024);
  TempDirectory into;
  EXPECT_EQ(refusal_of(source, into.path(), limits), Reason::limit_exceeded);
  EXPECT_LE(bytes_below(into.path()), 4U << 20);
}

TEST(ArchiveLimits, StopAGibibyteOfNothing) {
  ArchiveLimits limits;
  limits.unpacked_size = 4 << 20;
  limits.ratio = 2000;
  const std::string zeros = gzip(std::string(1 << 20, '\0'));
  TempDirectory into;
  Repeating padding(gzip(small_chart().finished()), zeros, 1024);
  EXPECT_EQ(refusal_of(padding, into.path(), limits), Reason::limit_exceeded);
  EXPECT_LE(padding.given(), 1U << 20);
}

TEST(ArchiveLimits, StopAFloodOfHeaders) {
  ArchiveLimits limits;
  limits.ratio = 10'000;
  limits.entries = 100;
  TarBuilder globals;
  TarBuilder directories;
  for (int i = 0; i < 1024; ++i) {
    globals.pax({{"comment", "again"}}, 'g');
    directories.directory("u/d/");
  }
  limits.unpacked_size = 1 << 20;
  TempDirectory into;
  Repeating flood(gzip(small_chart().unfinished()), gzip(globals.unfinished()), 4096);
  EXPECT_EQ(refusal_of(flood, into.path(), limits), Reason::chart_invalid);  // too many in a row
  TempDirectory other;
  Repeating same(gzip(small_chart().unfinished()), gzip(directories.unfinished()), 4096);
  EXPECT_EQ(refusal_of(same, other.path(), limits), Reason::limit_exceeded);
}

#ifndef __SANITIZE_THREAD__  // whose shadow counts as ours
TEST(ArchiveLimits, HoldABigArchiveInLittleMemory) {
  ArchiveLimits limits;
  limits.unpacked_size = 1ULL << 30;
  limits.ratio = 2000;
  rusage before{};
  ::getrusage(RUSAGE_SELF, &before);
  Repeating padding(gzip(small_chart().finished()), gzip(std::string(1 << 20, '\0')), 64);
  TempDirectory into;
  unpack_chart(padding, Directory::open(into.path()), limits, kDefaultModes);
  rusage after{};
  ::getrusage(RUSAGE_SELF, &after);
  EXPECT_LE(after.ru_maxrss - before.ru_maxrss, 16 << 10);  // KiB
}
#endif

}  // namespace
}  // namespace ocisync
