#include "export/tree_record.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

TreeRecord sample() {
  TreeRecord record{"web\nshop", "1.2.3+b%1", true, {}};
  record.entries.push_back({".", true, 0, 1'700'000'000'123'456'789, std::nullopt});
  record.entries.push_back({"Chart.yaml", false, 12, -5, Digest::of("chart")});
  record.entries.push_back({"a b", true, 0, 7, std::nullopt});
  record.entries.push_back({"a b/\xC3\xA9 100%.txt", false, 0, 8, Digest::of("")});
  return record;
}

TEST(TreeRecord, ReadsWhatItWrote) {
  const TreeRecord written = sample();
  const auto read = parse_tree_record(to_text(written));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->chart_name, written.chart_name);
  EXPECT_EQ(read->chart_version, written.chart_version);
  EXPECT_TRUE(read->assembled);
  ASSERT_EQ(read->entries.size(), written.entries.size());
  for (std::size_t i = 0; i < written.entries.size(); ++i) {
    EXPECT_EQ(read->entries[i].path, written.entries[i].path);
    EXPECT_EQ(read->entries[i].directory, written.entries[i].directory);
    EXPECT_EQ(read->entries[i].size, written.entries[i].size);
    EXPECT_EQ(read->entries[i].mtime_ns, written.entries[i].mtime_ns);
    EXPECT_EQ(read->entries[i].digest, written.entries[i].digest);
  }
}

TEST(TreeRecord, IsAbsentWhenCutOffAnywhere) {
  const std::string text = to_text(sample());
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(parse_tree_record(text.substr(0, length)).has_value()) << length;
  EXPECT_FALSE(parse_tree_record(text + "x").has_value());
}

TEST(TreeRecord, IsAbsentWhenAnEntryLeavesTheTree) {
  const std::string head = "ocisync tree 1\nchart web\nversion 1\nassembled false\n";
  ASSERT_TRUE(parse_tree_record(head + "d 1 .\nend\n").has_value());
  for (const char* line : {"d 1 ..", "d 1 ../x", "d 1 /etc", "d 1 a//b", "d 1 a/../..", "d 1 ",
                           "d x a", "d a", "l 1 a", "f 1 2 sha256:12 a", "f 1 -2 a", "f 1 a", ""})
    EXPECT_FALSE(parse_tree_record(head + line + "\nend\n").has_value()) << line;
}

}  // namespace
}  // namespace ocisync
