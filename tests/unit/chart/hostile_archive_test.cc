#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unpacking.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

struct Refused {
  const char* what;
  std::string packed;
  const char* says;
};

void expect_refused(const std::vector<Refused>& cases, Reason reason = Reason::chart_invalid) {
  for (const Refused& each : cases) {
    Unpacking unpacking;
    const auto error = unpacking.refusal(each.packed);
    ASSERT_TRUE(error) << each.what;
    EXPECT_EQ(error->reason(), reason) << each.what << ": " << error->what();
    EXPECT_THAT(error->what(), HasSubstr(each.says)) << each.what;
    EXPECT_TRUE(unpacking.contained()) << each.what;
  }
}

std::string with_file(const std::string& name) {
  return gzip(small_chart().file(name, "x").finished());
}

std::string with_pax_name(const std::string& name) {
  return gzip(small_chart().pax({{"path", name}}).file("u/harmless", "x").finished());
}

TEST(HostileArchive, MayNotNameAPlaceOutsideTheChart) {
  expect_refused({
      {"parent", with_file("../evil"), "\"../evil\" refers to a parent directory"},
      {"parent below", with_file("u/../../evil"), "refers to a parent directory"},
      {"parent at the end", with_file("u/a/.."), "refers to a parent directory"},
      {"parent by PAX", with_pax_name("u/../../evil"), "refers to a parent directory"},
      {"parent by GNU name",
       gzip(small_chart().gnu_long('L', "u/../../evil").file("u/a").finished()),
       "refers to a parent directory"},
      {"hidden way out", with_file("u/..hidden"), "begins with \"..\""},
      {"absolute", with_file("/etc/evil"), "is absolute"},
      {"absolute below", with_file("u//etc/evil"), "has an empty component"},
      {"drive", with_file("u/c:/foo"), "names a drive"},
      {"drive on top", with_file("C:/foo"), "names a drive"},
      {"backslashes", with_file("u\\..\\..\\evil"), "holds a backslash"},
      {"one backslash", with_file("u/a\\b"), "holds a backslash"},
      {"beside the chart", with_file("evil"), "outside the chart's directory"},
      {"directory outside", gzip(small_chart().directory("../evil/").finished()),
       "refers to a parent directory"},
  });
}

TEST(HostileArchive, MayNotUseNamesThatMeanSeveralThings) {
  expect_refused({
      {"current directory", with_file("./u/values.yaml"), "has a \".\" component"},
      {"current directory inside", with_file("u/./values.yaml"), "has a \".\" component"},
      {"dot", with_file("."), "outside the chart's directory"},
      {"slash", gzip(small_chart().directory("/").finished()), "has an empty component"},
      {"way out before a NUL", with_pax_name(std::string("u/../../evil\0.txt", 17)),
       "a PAX header that holds a NUL"},
      {"same name before a NUL", with_pax_name(std::string("u/Chart.yaml\0x", 14)),
       "a PAX header that holds a NUL"},
      {"harmless before a NUL", with_pax_name(std::string("u/readme\0x", 10)),
       "a PAX header that holds a NUL"},
      {"NUL for all that follow",
       gzip(small_chart().pax({{"comment", std::string("a\0b", 3)}}, 'g').file("u/a").finished()),
       "a PAX header that holds a NUL"},
      {"NUL after a long GNU name",
       gzip(small_chart()
                .gnu_long('L', "u/" + std::string(200, 'a'))
                .pax({{"path", std::string("u/b\0", 4)}})
                .file("u/a")
                .finished()),
       "a PAX header that holds a NUL"},
      {"doubled slash", with_file("u/a//b"), "has an empty component"},
      {"newline", with_file("u/a\nb"), "\"u/a\\x0ab\" holds control characters"},
      {"escape sequence", with_file("u/\x1b[31mred"), "\\x1b[31mred"},
      {"delete", with_file("u/a\x7f"), "holds control characters"},
      {"second control block", with_pax_name("u/a\u0085b"), "holds control characters"},
      {"text that reads backwards", with_pax_name("u/\u202Efdp.exe"), "holds control characters"},
      {"not UTF-8", with_file("u/\xff\xfe"), "is not UTF-8"},
      {"not UTF-8 by PAX", with_pax_name("u/\xc3("), "is not UTF-8"},
      {"overlong slash",
       with_file("u/..\xc0\xaf..\xc0\xaf"
                 "evil"),
       "is not UTF-8"},
      {"surrogate", with_pax_name("u/\xed\xa0\x80"), "is not UTF-8"},
      {"our own directory", with_file("u/.ocisync/format"), "reserved"},
      {"our own directory below", with_file("u/a/.ocisync"), "reserved"},
      {"our own directory on top", with_file(".ocisync/x"), ""},
  });
}

TEST(HostileArchive, MayHoldNothingButFilesAndDirectories) {
  std::vector<Refused> cases = {
      {"link and a file through it",
       gzip(small_chart().link('2', "u/l", "/tmp").file("u/l/f", "x").finished()),
       "\"u/l\" is a symbolic link"},
      {"PAX link",
       gzip(small_chart().pax({{"linkpath", "/etc/é"}}).link('2', "u/l", "").finished()),
       "is a symbolic link"},
      {"PAX hard link",
       gzip(small_chart().pax({{"linkpath", "/etc/é"}}).link('1', "u/l", "").finished()), ""},
      {"PAX hard link over another",
       gzip(small_chart().pax({{"linkpath", "/etc/é"}}).link('1', "u/l", "x").finished()),
       "is a hard link"},
      {"GNU long link",
       gzip(small_chart().gnu_long('K', "../../x").link('2', "u/l", "y").finished()),
       "is a symbolic link"},
      {"character device", gzip(small_chart().link('3', "u/dev", "").finished()), "neither"},
      {"block device", gzip(small_chart().link('4', "u/dev", "").finished()), "neither"},
      {"pipe", gzip(small_chart().link('6', "u/pipe", "").finished()), "neither"},
      {"Chart.yaml as a link",
       gzip(TarBuilder().link('2', "u/Chart.yaml", "/etc/passwd").finished()), "symbolic link"},
      {"lock file as a link", gzip(small_chart().link('2', "u/Chart.lock", "/x").finished()),
       "symbolic link"},
  };
  for (const char* target : {"/etc/passwd", "../../x", "Chart.yaml", "l", "missing"}) {
    cases.push_back(
        {target, gzip(small_chart().link('2', "u/l", target).finished()), "is a symbolic link"});
    cases.push_back(
        {target, gzip(small_chart().link('1', "u/l", target).finished()), "is a hard link"});
  }
  TarFields full_link;
  full_link.name = "u/l";
  full_link.link = "u/Chart.yaml";
  full_link.type = '1';
  cases.push_back(
      {"hard link with contents", gzip(small_chart().entry(full_link, "x").finished()), ""});
  expect_refused(cases);
}

TEST(HostileArchive, MayNotClaimToBeSparse) {
  // GNU's old form: a map of (offset, length) pairs at byte 386, the real size at 483.
  const auto gnu_sparse = [](const std::string& map, const std::string& real_size) {
    TarFields fields;
    fields.name = "u/sparse";
    fields.type = 'S';
    fields.magic = "ustar  ";
    std::string block = tar_block(fields, 1);
    block.replace(386, map.size(), map);
    block.replace(483, real_size.size(), real_size);
    unsigned sum = 8 * ' ';
    for (std::size_t i = 0; i < block.size(); ++i)
      sum += i >= 148 && i < 156 ? 0U : static_cast<unsigned char>(block[i]);
    block.replace(148, 7, tar_octal(sum, 6) + '\0');
    return gzip(small_chart().raw(block).raw("x" + std::string(511, '\0')).finished());
  };
  const std::string huge("\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff", 12);  // 8 EiB
  expect_refused({
      {"GNU",
       gnu_sparse("00000010000\0"
                  "00000000001\0",
                  "00000010001"),
       "is a sparse file"},
      {"GNU of 8 EiB",
       gnu_sparse("00000010000\0"
                  "00000000001\0",
                  huge),
       ""},
      {"PAX 0.1",
       gzip(small_chart()
                .pax({{"GNU.sparse.map", "4096,1"}, {"GNU.sparse.size", "9223372036854775807"}})
                .file("u/sparse", "x")
                .finished()),
       "is a sparse file"},
      {"PAX 1.0",
       gzip(small_chart()
                .pax({{"GNU.sparse.major", "1"},
                      {"GNU.sparse.minor", "0"},
                      {"GNU.sparse.name", "u/../../evil"},
                      {"GNU.sparse.realsize", "9223372036854775807"}})
                .file("u/sparse", "1\n4096\n1\n" + std::string(503, '\0') + "x")
                .finished()),
       "is a sparse file"},
  });
}

TEST(HostileArchive, MayUseEachNameOnlyOnce) {
  const auto two = [](const char* first, const char* second) {
    return gzip(small_chart().file(first, "1").file(second, "2").finished());
  };
  expect_refused({
      {"twice", two("u/a", "u/a"), "\"a\" appears twice"},
      {"Chart.yaml twice", two("u/Chart.yaml", "u/b"), "\"Chart.yaml\" appears twice"},
      {"file below a file", two("u/a", "u/a/b"), "\"a\" is both a file and a directory"},
      {"far below a file", two("u/a", "u/a/b/c/d"), "\"a\" is both"},
      {"file over a directory", two("u/a/b", "u/a"), "\"a\" is both"},
      {"file over an empty directory",
       gzip(small_chart().directory("u/a/").file("u/a", "x").finished()), "\"a\" is both"},
      {"directory over a file", gzip(small_chart().file("u/a", "x").directory("u/a/").finished()),
       "\"a\" is both"},
      {"same name by PAX",
       gzip(small_chart().file("u/a").pax({{"path", "u/a"}}).file("u/b").finished()),
       "appears twice"},
  });
}

TEST(HostileArchive, HasOneTopDirectoryAndOneChartYamlInIt) {
  expect_refused({
      {"two tops", with_file("other/x"), "\"other/x\" is in a second top directory beside \"u\""},
      {"directory entry of another top", gzip(small_chart().directory("other/").finished()),
       "second top directory"},
      {"no Chart.yaml", gzip(TarBuilder().file("u/values.yaml", "a").finished()), "no Chart.yaml"},
      {"Chart.yaml on top", gzip(TarBuilder().file("Chart.yaml", "name: u").finished()),
       "outside the chart's directory"},
      {"Chart.yaml too deep", gzip(TarBuilder().file("u/v/Chart.yaml", "a").finished()),
       "no Chart.yaml"},
      {"other spelling", gzip(TarBuilder().file("u/chart.yaml", "a").finished()), "no Chart.yaml"},
      {"directory called so", gzip(TarBuilder().directory("u/Chart.yaml/").finished()),
       "no Chart.yaml"},
      {"nothing but an end", gzip(TarBuilder().finished()), "no Chart.yaml"},
  });
}

TEST(HostileArchive, MustBeGzippedTarAndNothingElse) {
  const std::string tar = small_chart().finished();
  expect_refused({
      {"no bytes", "", "is empty"},
      {"plain tar", tar, "is not gzip"},
      {"zip", std::string("PK\x03\x04") + tar, "is not gzip"},
      {"zstd", std::string("\x28\xb5\x2f\xfd", 4) + tar, "is not gzip"},
      {"bzip2", "BZh91AY&SY" + tar, "is not gzip"},
      {"xz",
       std::string("\xfd"
                   "7zXZ\0",
                   6) +
           tar,
       "is not gzip"},
      {"bare deflate", "\x78\x9c" + tar, "is not gzip"},
      {"text", "<html>Not Found</html>", "is not gzip"},
      {"gzip of nothing", gzip(""), "not a sound tar"},
      {"gzip in gzip", gzip(gzip(tar)), "not a sound tar"},
      {"zip in gzip", gzip(std::string("PK\x03\x04") + std::string(600, 'x')), "not a sound tar"},
      {"text in gzip", gzip(std::string(2000, 'x')), "not a sound tar"},
  });
}

}  // namespace
}  // namespace ocisync
