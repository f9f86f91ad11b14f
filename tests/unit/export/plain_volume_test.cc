// A file system whose rename knows neither RENAME_EXCHANGE nor RENAME_NOREPLACE, as NFS.

#include <array>
#include <exception>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "export_folder.h"

namespace ocisync::export_test {
namespace {

// renameat2 with a flag fails for this thread and those it starts, from now on.
void forget_rename_flags() {
  std::array<sock_filter, 6> program = {{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[4])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog filter = {program.size(), program.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0), 0);
}

class PlainVolume : public ExportFolder {
 protected:
  static void there(const std::function<void()>& act) {
    std::thread([&] {
      forget_rename_flags();
      act();
    }).join();
  }
};

TEST_F(PlainVolume, RefusesLayoutDirectoryAndNamesTheWayOut) {
  there([&] {
    const auto error = failure_of([&] { open(Layout::directory); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->reason(), Reason::volume_unsuitable) << error->what();
    EXPECT_THAT(error->what(), testing::HasSubstr(root().string()));
    EXPECT_THAT(error->hint(), testing::HasSubstr("layout symlink"));
  });
}

TEST_F(PlainVolume, ServesLayoutSymlink) {
  there([&] {
    Publisher publisher = open();
    for (const int number : {1, 2}) {
      make_tree(publisher, number);
      publisher.publish(publication_of("team/web", number));
      expect_shows("team/web", number);
    }
    EXPECT_TRUE(fs::is_symlink(root() / "team/web"));
    fs::create_directory(root() / "theirs");
    EXPECT_EQ(reason_of([&] { publisher.publish(publication_of("theirs", 2)); }),
              Reason::path_conflict);
    EXPECT_TRUE(fs::is_directory(fs::symlink_status(root() / "theirs")));
  });
}

TEST_F(PlainVolume, TurnsADirectoryThatCameFromElsewhereIntoALink) {
  {
    Publisher publisher = open(Layout::directory);
    make_tree(publisher, 1);
    publisher.publish(publication_of("web", 1, Layout::directory));
  }
  there([&] {
    Publisher publisher = open();
    make_tree(publisher, 2);
    publisher.publish(publication_of("web", 2));
    expect_shows("web", 2);
    EXPECT_TRUE(fs::is_symlink(root() / "web"));
  });
}

}  // namespace
}  // namespace ocisync::export_test
