#include "export/tree.h"

#include <thread>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export_folder.h"

namespace ocisync::export_test {
namespace {

class Trees : public ExportFolder {
 protected:
  TreeState check(bool hash_all = false) {
    return publisher.trees().check(ExportFormat::directory, manifest_of(1), hash_all);
  }

  // Writes other bytes of the same length and puts the time back, as a careful intruder would.
  void swap_contents(const fs::path& path) {
    struct stat status {};

    ASSERT_EQ(::lstat(path.c_str(), &status), 0);
    write_file(path, std::string(static_cast<std::size_t>(status.st_size), 'x'));
    put_time_back(path, status);
  }

  static void put_time_back(const fs::path& path, const struct stat& status) {
    const timespec times[2] = {status.st_atim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  Publisher publisher = open();
};

TEST_F(Trees, AreMissingUntilTheyAreMade) {
  EXPECT_EQ(check(), TreeState::missing);
  make_tree(publisher, 1);
  EXPECT_EQ(check(), TreeState::intact);
  EXPECT_EQ(check(true), TreeState::intact);
  const auto record = publisher.trees().record(ExportFormat::directory, manifest_of(1));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->chart_version, "1.0.1");
  EXPECT_EQ(record->entries.size(), chart_files().size() + 3);
  EXPECT_THAT(names_in(control() / "staging"), testing::IsEmpty());
}

TEST_F(Trees, TakeDigestsFromWhoeverWroteTheFile) {
  const Digest claimed = Digest::of("claimed");
  const TreeRecord record =
      publisher.trees().make(ExportFormat::archive, manifest_of(1), [&](const Directory& into) {
        write_all(into.create_file("web-1.0.1.tgz", 0644).get(), as_bytes("archive"), "");
        write_all(into.create_file("web-1.0.1.tgz.prov", 0644).get(), as_bytes("signed"), "");
        return TreeRecord{"web", "1.0.1", true, {{"web-1.0.1.tgz", false, 0, 0, claimed}}};
      });
  ASSERT_EQ(record.entries.size(), 3U);
  EXPECT_EQ(record.entries[1].digest, claimed);
  EXPECT_EQ(record.entries[1].size, 7U);
  EXPECT_EQ(record.entries[2].digest, Digest::of("signed"));
  EXPECT_TRUE(record.assembled);
}

TEST_F(Trees, LeaveNothingWhenTheyCannotBeMade) {
  const auto reason = reason_of([&] {
    publisher.trees().make(ExportFormat::directory, manifest_of(1),
                           [](const Directory& into) -> TreeRecord {
                             write_chart(into, 1);
                             throw Error(Reason::chart_invalid, "hostile");
                           });
  });
  EXPECT_EQ(reason, Reason::chart_invalid);
  EXPECT_EQ(check(), TreeState::missing);
  EXPECT_THAT(names_in(control() / "staging"), testing::IsEmpty());
  EXPECT_THAT(names_in(control() / "trees/directory"), testing::IsEmpty());
}

TEST_F(Trees, AreNeverMadeOfLinks) {
  const auto reason = reason_of([&] {
    publisher.trees().make(ExportFormat::directory, manifest_of(1), [](const Directory& into) {
      into.link_atomic("/etc/passwd", "values.yaml");
      return TreeRecord{};
    });
  });
  EXPECT_EQ(reason, Reason::internal);
  EXPECT_EQ(check(), TreeState::missing);
}

struct Alteration {
  const char* name;
  std::function<void(const fs::path& tree)> apply;
};

class AlteredTrees : public Trees, public testing::WithParamInterface<Alteration> {};

TEST_P(AlteredTrees, AreNoticedAndMadeAgain) {
  make_tree(publisher, 1);
  GetParam().apply(tree_of(1));
  EXPECT_EQ(check(), TreeState::altered);
  make_tree(publisher, 1);
  EXPECT_EQ(check(true), TreeState::intact);
  EXPECT_THAT(names_in(control() / "staging"), testing::IsEmpty());
}

const Alteration kAlterations[] = {
    {"file_altered", [](const fs::path& tree) { write_file(tree / "values.yaml", "other"); }},
    {"file_altered_to_the_same_size",
     [](const fs::path& tree) { write_file(tree / "values.yaml", "revision x\n"); }},
    {"file_deleted", [](const fs::path& tree) { fs::remove(tree / "values.yaml"); }},
    {"directory_deleted", [](const fs::path& tree) { fs::remove_all(tree / "templates"); }},
    {"file_added", [](const fs::path& tree) { write_file(tree / "templates/tests/new", ""); }},
    {"file_added_at_the_top", [](const fs::path& tree) { write_file(tree / "new", ""); }},
    {"file_renamed",
     [](const fs::path& tree) { fs::rename(tree / "values.yaml", tree / "values.yml"); }},
    {"file_replaced_by_a_link",
     [](const fs::path& tree) {
       fs::rename(tree / "values.yaml", tree / "../moved");
       fs::create_symlink("../moved", tree / "values.yaml");
     }},
    {"file_replaced_by_a_directory",
     [](const fs::path& tree) {
       fs::remove(tree / "values.yaml");
       fs::create_directory(tree / "values.yaml");
     }},
    {"file_replaced_by_a_fifo",
     [](const fs::path& tree) {
       fs::remove(tree / "values.yaml");
       ::mkfifo((tree / "values.yaml").c_str(), 0644);
     }},
    {"directory_replaced_by_a_link",
     [](const fs::path& tree) {
       fs::rename(tree / "templates", tree / "../moved");
       fs::create_symlink("../moved", tree / "templates");
     }},
    {"file_closed_to_readers",
     [](const fs::path& tree) { ::chmod((tree / "values.yaml").c_str(), 0600); }},
    {"file_opened_to_writers",
     [](const fs::path& tree) { ::chmod((tree / "values.yaml").c_str(), 0666); }},
    {"file_made_executable",
     [](const fs::path& tree) { ::chmod((tree / "values.yaml").c_str(), 0755); }},
    {"file_made_setuid",
     [](const fs::path& tree) { ::chmod((tree / "values.yaml").c_str(), 04644); }},
    {"directory_closed", [](const fs::path& tree) { ::chmod((tree / "templates").c_str(), 0700); }},
    {"tree_closed", [](const fs::path& tree) { ::chmod(tree.c_str(), 0700); }},
    {"tree_replaced_by_a_file",
     [](const fs::path& tree) {
       fs::remove_all(tree);
       write_file(tree, "file");
     }},
};

INSTANTIATE_TEST_SUITE_P(Each, AlteredTrees, testing::ValuesIn(kAlterations),
                         [](const auto& each) { return each.param.name; });

TEST_F(Trees, AreMissingWithoutTheirRecord) {
  const fs::path record = tree_of(1).concat(".record");
  for (const char* garbage : {"", "garbage", "ocisync tree 1\n"}) {
    make_tree(publisher, 1);
    write_file(record, garbage);
    EXPECT_EQ(check(), TreeState::missing) << garbage;
  }
  make_tree(publisher, 1);
  fs::remove(record);
  EXPECT_EQ(check(), TreeState::missing);
  make_tree(publisher, 1);
  fs::remove_all(tree_of(1));
  EXPECT_EQ(check(), TreeState::missing);
  make_tree(publisher, 1);
  EXPECT_EQ(check(true), TreeState::intact);
}

TEST_F(Trees, AreMadeAgainOnceTheyAreNotBelieved) {
  make_tree(publisher, 1);
  publisher.trees().distrust(ExportFormat::directory, manifest_of(1));
  EXPECT_EQ(check(), TreeState::missing);
  EXPECT_TRUE(fs::exists(tree_of(1) / "Chart.yaml"));
  make_tree(publisher, 1);
  EXPECT_EQ(check(true), TreeState::intact);
  EXPECT_THAT(names_in(control() / "staging"), testing::IsEmpty());
}

TEST_F(Trees, AreHashedToFindAHiddenChange) {
  make_tree(publisher, 1);
  swap_contents(tree_of(1) / "values.yaml");
  EXPECT_EQ(check(), TreeState::intact);
  EXPECT_EQ(check(true), TreeState::altered);
}

TEST_F(Trees, AreListedToFindAHiddenAddition) {
  make_tree(publisher, 1);

  struct stat status {};

  ASSERT_EQ(::lstat((tree_of(1) / "templates").c_str(), &status), 0);
  write_file(tree_of(1) / "templates/new", "");
  put_time_back(tree_of(1) / "templates", status);
  EXPECT_EQ(check(), TreeState::intact);
  EXPECT_EQ(check(true), TreeState::altered);
}

TEST_F(Trees, StayIntactWhenOnlyTimesChange) {
  make_tree(publisher, 1);
  for (const char* name : {"values.yaml", "templates", "."})
    ASSERT_EQ(::utimensat(AT_FDCWD, (tree_of(1) / name).c_str(), nullptr, 0), 0);
  EXPECT_EQ(check(), TreeState::intact);
}

// What kubelet does to a volume with fsGroup each time a pod starts.
TEST_F(Trees, StayIntactWhenTheVolumeIsHandedToAGroup) {
  make_tree(publisher, 1);
  for (const auto& entry : fs::recursive_directory_iterator(tree_of(1)))
    ASSERT_EQ(::chmod(entry.path().c_str(), entry.is_directory() ? 02775 : 0664), 0);
  ASSERT_EQ(::chmod(tree_of(1).c_str(), 02775), 0);
  EXPECT_EQ(check(), TreeState::intact);
}

TEST_F(Trees, MadeForOneUserAreMadeAgainForAGroupButNotBack) {
  make_tree(publisher, 1);
  ExportSpec spec = spec_of(Layout::symlink);
  spec.group_write = true;
  Publisher group = Publisher::open(root(), "group", spec);
  const auto check_group = [&] {
    return group.trees().check(ExportFormat::directory, manifest_of(1), false);
  };
  EXPECT_EQ(check_group(), TreeState::altered);
  make_tree(group, 1);
  EXPECT_EQ(check_group(), TreeState::intact);
  EXPECT_EQ(check(), TreeState::intact);
}

TEST_F(Trees, AreMadeOnceByManyAtTheSameTime) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([this, i] {
      Publisher own = open();
      for (int number = 0; number < 10; ++number)
        make_tree(i % 2 ? own : publisher, number);
    });
  for (std::thread& thread : threads)
    thread.join();
  for (int number = 0; number < 10; ++number) {
    const auto record = publisher.trees().record(ExportFormat::directory, manifest_of(number));
    ASSERT_TRUE(record.has_value());
    EXPECT_TRUE(compare(Directory::open(tree_of(number)), *record, kDefaultModes, Scrutiny::exact));
  }
  EXPECT_THAT(names_in(control() / "staging"), testing::IsEmpty());
}

TEST_F(Trees, KeepsTheOneThatIsThereIntact) {
  make_tree(publisher, 1);
  const auto before = fs::last_write_time(tree_of(1) / "values.yaml");

  struct stat status {};

  ASSERT_EQ(::lstat(tree_of(1).c_str(), &status), 0);
  make_tree(publisher, 1);

  struct stat after {};

  ASSERT_EQ(::lstat(tree_of(1).c_str(), &after), 0);
  EXPECT_EQ(status.st_ino, after.st_ino);
  EXPECT_EQ(before, fs::last_write_time(tree_of(1) / "values.yaml"));
}

TEST_F(Trees, AreCopiedWithTheirTimes) {
  make_tree(publisher, 1);
  make_tree(publisher, 2);
  const Directory copy = Directory::create(root() / "copy", 0755);
  publisher.trees().copy_to(ExportFormat::directory, manifest_of(1), copy);
  expect_shows("copy", 1);
  const auto record = publisher.trees().record(ExportFormat::directory, manifest_of(1));
  EXPECT_EQ(publisher.trees().check_copy(copy, *record, true), TreeState::intact);
  const TreeName expected{ExportFormat::directory, manifest_of(1)};
  EXPECT_EQ(publisher.trees().original_of(copy), expected);
  ::utimensat(AT_FDCWD, (root() / "copy/values.yaml").c_str(), nullptr, 0);
  EXPECT_EQ(publisher.trees().original_of(copy), std::nullopt);
}

TEST_F(Trees, CopiesFilesOfAnySize) {
  std::string big(3'000'000, 'b');
  big[1'234'567] = 'x';
  publisher.trees().make(ExportFormat::archive, manifest_of(1), [&](const Directory& into) {
    write_all(into.create_file("big", 0644).get(), as_bytes(big), "");
    into.create_file("empty", 0644);
    return TreeRecord{"web", "1.0.1", false, {}};
  });
  const Directory copy = Directory::create(root() / "copy", 0755);
  publisher.trees().copy_to(ExportFormat::archive, manifest_of(1), copy);
  EXPECT_EQ(contents_of(root() / "copy/big"), big);
  EXPECT_EQ(contents_of(root() / "copy/empty"), "");
}

TEST_F(Trees, AreRemovedWithTheirRecords) {
  make_tree(publisher, 1);
  make_tree(publisher, 2);
  EXPECT_EQ(publisher.trees().list().size(), 2U);
  publisher.trees().remove(ExportFormat::directory, manifest_of(1));
  publisher.trees().remove(ExportFormat::directory, manifest_of(3));
  ASSERT_EQ(publisher.trees().list().size(), 1U);
  EXPECT_EQ(publisher.trees().list()[0].manifest, manifest_of(2));
  EXPECT_THAT(names_in(control() / "trees/directory"), testing::SizeIs(2));
}

}  // namespace
}  // namespace ocisync::export_test
