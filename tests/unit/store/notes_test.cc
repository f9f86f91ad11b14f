#include "store/notes.h"

#include <gtest/gtest.h>

#include "cache_folder.h"

namespace ocisync {
namespace {

using cache_test::contents_of;
using cache_test::write_file;

class Notes : public ::testing::Test {
 protected:
  std::filesystem::path file(std::string_view key) const {
    return folder_.path() / ".ocisync/notes" / Digest::of(key).hex();
  }

  TempDirectory folder_;
  Volume volume_ = Volume::open(folder_.path(), kDefaultModes);
};

TEST_F(Notes, AreReadAsTheyWereWritten) {
  EXPECT_EQ(read_note(volume_, "a"), std::nullopt);
  write_note(volume_, "a", "text\nof two lines");
  write_note(volume_, "b", "");
  EXPECT_EQ(read_note(volume_, "a"), "text\nof two lines");
  EXPECT_EQ(read_note(volume_, "b"), "");
  EXPECT_EQ(read_note(*Volume::open_read_only(folder_.path()), "a"), "text\nof two lines");
}

TEST_F(Notes, ThatAreDamagedWereNeverWritten) {
  write_note(volume_, "a", "text");
  const std::string whole = contents_of(file("a"));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] ^= 1;
    write_file(file("a"), damaged);
    EXPECT_EQ(read_note(volume_, "a"), std::nullopt) << i;
    write_file(file("a"), whole.substr(0, i));
    EXPECT_EQ(read_note(volume_, "a"), std::nullopt) << i;
  }
  std::filesystem::remove(file("a"));
  std::filesystem::create_directory(file("a"));
  EXPECT_EQ(read_note(volume_, "a"), std::nullopt);
}

TEST_F(Notes, AreBoundedAndSweptWhenOld) {
  write_note(volume_, "large", std::string(kMaxNoteBytes, 'x'));
  EXPECT_EQ(read_note(volume_, "large"), std::nullopt);
  write_note(volume_, "a", "text");
  const WallTime now = std::chrono::system_clock::now();
  sweep_notes(volume_, now + std::chrono::hours(24 * 29));
  EXPECT_TRUE(read_note(volume_, "a"));
  sweep_notes(volume_, now + std::chrono::hours(24 * 31));
  EXPECT_FALSE(read_note(volume_, "a"));
}

TEST_F(Notes, AreNotWrittenWhereSomethingIsInTheWay) {
  write_file(folder_.path() / ".ocisync/notes", "a file");
  write_note(volume_, "a", "text");
  EXPECT_EQ(read_note(volume_, "a"), std::nullopt);
}

TEST_F(Notes, AreNotWrittenWhereNothingMayBe) {
  const auto read_only = Volume::open_read_only(folder_.path());
  write_note(*read_only, "a", "text");
  EXPECT_FALSE(std::filesystem::exists(file("a")));
}

}  // namespace
}  // namespace ocisync
