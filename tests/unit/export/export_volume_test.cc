#include "export/export_volume.h"

#include <cstdlib>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export_folder.h"

namespace ocisync::export_test {
namespace {

using testing::HasSubstr;

class Volumes : public ExportFolder {};

TEST_F(Volumes, AreMadeWithTheirParents) {
  Publisher::open(root() / "deep/er", "platform", spec_of(Layout::directory));
  EXPECT_EQ(contents_of(root() / "deep/er/.ocisync/format"), "1\n");
  EXPECT_THAT(names_in(root() / "deep/er"), testing::ElementsAre(".ocisync"));
  EXPECT_THAT(names_in(root() / "deep/er/.ocisync/staging"), testing::IsEmpty());
}

TEST_F(Volumes, OfANewerVersionAreRefused) {
  open();
  write_file(control() / "format", "2\n");
  EXPECT_EQ(reason_of([&] { open(); }), Reason::format_unknown);
  EXPECT_EQ(
      reason_of([&] { Publisher::open_read_only(root(), "platform", spec_of(Layout::symlink)); }),
      Reason::format_unknown);
}

TEST_F(Volumes, WhoseFormatWasLostAreTakenOver) {
  open();
  write_file(control() / "format", "");
  open();
  EXPECT_EQ(contents_of(control() / "format"), "1\n");
}

TEST_F(Volumes, ThatAreFilesAreUnsuitable) {
  write_file(root(), "file");
  const auto error = failure_of([&] { open(); });
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::volume_unsuitable);
  EXPECT_THAT(error->message(), HasSubstr(root().string()));
}

// Somebody who is not root, for whom modes mean something.
class Nobody {
 public:
  Nobody() : was_root_(::geteuid() == 0 && ::seteuid(65532) == 0) {}

  ~Nobody() {
    if (was_root_ && ::seteuid(0) != 0)
      std::abort();
  }

 private:
  const bool was_root_;
};

TEST_F(Volumes, ThatCannotBeWrittenSayWhoseTheyAre) {
  fs::create_directory(root());
  ::chmod(root().c_str(), 0555);
  ::chmod(root().parent_path().c_str(), 0755);
  std::optional<Error> error;
  {
    const Nobody nobody;
    error = failure_of([&] { open(); });
  }
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->reason(), Reason::volume_unsuitable);
  EXPECT_THAT(error->message(), HasSubstr(fmt::format("owned by {}:{}", ::getuid(), ::getgid())));
  EXPECT_THAT(error->message(), HasSubstr("mode 0555"));
  EXPECT_THAT(error->message(), HasSubstr("running as uid "));
  EXPECT_THAT(error->hint(), HasSubstr("fsGroup"));
}

TEST_F(Volumes, AreNotMadeByReading) {
  const auto read = [&] {
    return Publisher::open_read_only(root(), "platform", spec_of(Layout::symlink)).has_value();
  };
  EXPECT_FALSE(read());
  EXPECT_FALSE(fs::exists(root()));
  fs::create_directory(root());
  EXPECT_FALSE(read());
  EXPECT_THAT(names_in(root()), testing::IsEmpty());
  open();
  EXPECT_TRUE(read());
}

TEST_F(Volumes, AreReadWithoutATrace) {
  open();
  fs::remove_all(control() / "staging");
  const auto reader = Publisher::open_read_only(root(), "platform", spec_of(Layout::symlink));
  ASSERT_TRUE(reader.has_value());
  EXPECT_EQ(examined(*reader, "team-a/web"), PublishedState::absent);
  EXPECT_THAT(reader->published(), testing::IsEmpty());
  reader->look("team-a/web");
  EXPECT_THAT(names_in(control()), testing::ElementsAre("format"));
}

}  // namespace
}  // namespace ocisync::export_test
