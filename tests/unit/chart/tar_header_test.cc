#include "chart/tar_header.h"

#include <gtest/gtest.h>

#include "support/tar_builder.h"

namespace ocisync {
namespace {

TEST(TarHeader, IsOnePlainBlockWhereThatIsEnough) {
  TarFields fields;
  fields.name = std::string(100, 'n');
  EXPECT_EQ(tar_header(fields.name, 5), tar_block(fields, 5));
  EXPECT_EQ(tar_header(fields.name, 0), tar_block(fields, 0));
}

TEST(TarHeader, SplitsALongNameAtASlash) {
  TarFields fields;
  fields.prefix = std::string(154, 'p');
  fields.name = std::string(100, 'n');
  EXPECT_EQ(tar_header(fields.prefix + '/' + fields.name, 1), tar_block(fields, 1));
  fields.prefix = "a/" + std::string(60, 'b');
  fields.name = std::string(60, 'c');
  EXPECT_EQ(tar_header(fields.prefix + '/' + fields.name, 1), tar_block(fields, 1));
}

TEST(TarHeader, PutsOtherNamesAndHugeSizesIntoRecords) {
  for (const std::string& name : {std::string("é"), std::string(101, 'n'),
                                  std::string(156, 'p') + "/n", "d/" + std::string(101, 'n')}) {
    const std::string header = tar_header(name, 1);
    EXPECT_EQ(header.size(), 3U * 512) << name;
    EXPECT_EQ(header[156], 'x');
    EXPECT_EQ(header.substr(512, name.size() + 20).find(pax_records({{"path", name}})), 0U);
  }
  const std::string huge = tar_header("n", 1ULL << 33U);
  EXPECT_EQ(huge.substr(512, 19), "19 size=8589934592\n");
  EXPECT_EQ(tar_header("n", (1ULL << 33U) - 1).size(), 512U);
}

TEST(TarHeader, CountsTheLengthOfARecordWithItself) {
  // Lengths around the step from two to three digits.
  for (std::size_t size = 85; size < 105; ++size) {
    const std::string name = "é" + std::string(size, 'n');
    const std::string header = tar_header(name, 0);
    const std::string expected = pax_records({{"path", name}});
    EXPECT_EQ(header.substr(512, expected.size()), expected);
    EXPECT_EQ(header.substr(124, 11), tar_octal(expected.size(), 11));
  }
}

TEST(TarHeader, PadsToWholeBlocks) {
  EXPECT_EQ(tar_padding(0), "");
  EXPECT_EQ(tar_padding(1), std::string(511, '\0'));
  EXPECT_EQ(tar_padding(512), "");
  EXPECT_EQ(tar_padding(513).size(), 511U);
  EXPECT_EQ(tar_end(), std::string(1024, '\0'));
}

}  // namespace
}  // namespace ocisync
