#include <gmock/gmock.h>

#include "export_folder.h"
#include "support/small_volume.h"

namespace ocisync::export_test {
namespace {

class FullExport : public testing::TestWithParam<Layout> {
 protected:
  Publisher open() { return Publisher::open(root(), "platform", spec_of(GetParam())); }

  fs::path root() const { return small.path() / "charts"; }

  void make(Publisher& publisher, int number, std::size_t size) {
    publisher.trees().make(ExportFormat::directory, manifest_of(number),
                           [&](const Directory& into) {
                             const Fd fd = into.create_file("values.yaml", 0644);
                             write_all(fd.get(), as_bytes(std::string(size, 'v')), "values.yaml");
                             return TreeRecord{"web", "1.0.0", false, {}};
                           });
  }

  void fill() {
    const std::uint64_t free = small.free_bytes();
    write_file(small.path() / "ballast", std::string(free, 'x'));
  }

  // Not even an empty directory can be made.
  void use_up_all_names() {
    for (int i = 0; std::ofstream(small.path() / fmt::format("name-{}", i)); ++i)
      continue;
  }

  SmallVolume small{"1m,nr_inodes=100"};
};

INSTANTIATE_TEST_SUITE_P(Layouts, FullExport, testing::Values(Layout::symlink, Layout::directory),
                         layout_name);

TEST_P(FullExport, KeepsTheOldRevisionAndRecoversWhenSpaceIsFreed) {
  Publisher publisher = open();
  make(publisher, 1, 100'000);
  publisher.publish(publication_of("web", 1, GetParam()));
  fill();
  EXPECT_EQ(reason_of([&] { make(publisher, 2, 300'000); }), Reason::disk_full);
  EXPECT_THAT(names_in(root() / ".ocisync/staging"), testing::IsEmpty());
  const auto look = [&] { return publisher.examine("web", publisher.find("web")); };
  EXPECT_EQ(look(), PublishedState::current);
  fs::remove(small.path() / "ballast");
  make(publisher, 2, 200'000);
  fill();
  EXPECT_EQ(reason_of([&] { publisher.publish(publication_of("web", 2, GetParam())); }),
            Reason::disk_full);
  EXPECT_EQ(contents_of(root() / "web/values.yaml").size(), 100'000U);
  EXPECT_EQ(look(), PublishedState::current);
  EXPECT_THAT(names_in(root() / ".ocisync/staging"), testing::IsEmpty());
  fs::remove(small.path() / "ballast");
  publisher.publish(publication_of("web", 2, GetParam()));
  EXPECT_EQ(contents_of(root() / "web/values.yaml").size(), 200'000U);
  EXPECT_EQ(look(), PublishedState::current);
}

TEST_P(FullExport, IsFoundIntactAfterARebootThoughThatCannotBeNoted) {
  {
    Publisher publisher = open();
    make(publisher, 1, 100'000);
    publisher.publish(publication_of("web", 1, GetParam()));
  }
  fs::remove_all(root() / ".ocisync/seals");  // those of another boot hold no more
  fill();
  Publisher publisher = open();
  EXPECT_EQ(publisher.look("web").state, PublishedState::current);
  EXPECT_EQ(publisher.look("web").state, PublishedState::current);
}

TEST_P(FullExport, CanStillBeOpened) {
  {
    Publisher publisher = open();
    make(publisher, 1, 1000);
    publisher.publish(publication_of("web", 1, GetParam()));
  }
  use_up_all_names();
  ASSERT_FALSE(std::ofstream(small.path() / "one-more"));
  EXPECT_EQ(open().look("web").state, PublishedState::current);
}

}  // namespace
}  // namespace ocisync::export_test
