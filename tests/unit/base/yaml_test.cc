#include "base/yaml.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ocisync {
namespace {

using testing::HasSubstr;

struct Reading {
  YamlValue root;
  std::vector<YamlProblem> problems;

  // "line:column message" of the first problem.
  std::string problem() const {
    if (problems.empty())
      return {};
    const YamlProblem& first = problems.front();
    return std::to_string(first.at.line) + ':' + std::to_string(first.at.column) + ' ' +
           first.message;
  }
};

Reading read(std::string_view text, const YamlOptions& options = {}) {
  Reading reading;
  reading.root = parse_yaml(text, options, reading.problems);
  return reading;
}

// The value in flow style, with every scalar as its text.
std::string shape(const YamlValue& value) {
  std::string out;
  switch (value.kind) {
    case YamlValue::Kind::null:
      return "null";
    case YamlValue::Kind::scalar:
      return value.quoted ? '"' + value.text + '"' : value.text;
    case YamlValue::Kind::sequence:
      for (const YamlValue& item : value.items)
        out += (out.empty() ? "" : ",") + shape(item);
      return '[' + out + ']';
    case YamlValue::Kind::map:
      for (const YamlValue::Entry& entry : value.entries)
        out += (out.empty() ? "" : ",") + entry.key + ':' + shape(entry.value);
      return '{' + out + '}';
  }
  return out;
}

std::string shape_of(std::string_view text, const YamlOptions& options = {}) {
  const Reading reading = read(text, options);
  EXPECT_THAT(reading.problems, testing::IsEmpty()) << reading.problem();
  return shape(reading.root);
}

TEST(YamlReading, BuildsMapsSequencesAndScalarsInOrder) {
  EXPECT_EQ(shape_of("b: 1\na: [x, 'y', \"z\"]\nc:\n  - d: |\n      text\n"),
            "{b:1,a:[x,\"y\",\"z\"],c:[{d:\"text\n\"}]}");
}

TEST(YamlReading, TellsNullFromTextThatLooksLikeIt) {
  EXPECT_EQ(shape_of("[~, null, NULL, '', \"null\", !!str null, nil]"),
            "[null,null,null,\"\",\"null\",\"null\",nil]");
  EXPECT_EQ(shape_of("a:\nb: ''"), "{a:null,b:\"\"}");
}

TEST(YamlReading, AnEmptyDocumentIsNull) {
  for (const std::string_view text : {"", "\n", "# only a comment", "---\n", "\uFEFF", "...\n"})
    EXPECT_EQ(shape_of(text), "null") << text;
}

TEST(YamlReading, KnowsWhereEverythingStands) {
  const YamlOptions options{.file = 3};
  const Reading reading =
      read("\uFEFFa: 1\nlist:\n  - x\n  - name: é\r\n    to: [p, q]\n", options);
  const YamlValue& second = reading.root.find("list")->items[1];
  EXPECT_EQ(reading.root.at, (Position{1, 1, 3}));
  EXPECT_EQ(reading.root.find("a")->at, (Position{1, 4, 3}));
  EXPECT_EQ(second.at, (Position{4, 5, 3}));
  EXPECT_EQ(second.entries[1].key_at, (Position{5, 5, 3}));
  EXPECT_EQ(second.find("to")->items[1].at, (Position{5, 13, 3}));
}

TEST(YamlReading, FindsKeysAsTheyAreWritten) {
  const YamlValue root = read("Version: 1").root;
  EXPECT_EQ(root.find("version"), nullptr);
  EXPECT_NE(root.find("Version"), nullptr);
}

TEST(YamlReading, ReadsJsonAndDirectives) {
  EXPECT_EQ(shape_of("{\"a\": [1, true], \"b\": {}}"), "{a:[1,true],b:{}}");
  EXPECT_EQ(shape_of("%YAML 1.2\n---\na: 1\n...\n"), "{a:1}");
}

TEST(YamlDuplicates, AreAllReportedWithBothPlaces) {
  const Reading reading = read("a: 1\nb:\n  x: 1\n  x: 2\na: 2\n\"a\": 3\n");
  ASSERT_EQ(reading.problems.size(), 3U);
  EXPECT_EQ(reading.problem(), "4:3 'x' stands here twice, first on line 3");
  EXPECT_EQ(reading.problems[1].at, (Position{5, 1, 0}));
  EXPECT_THAT(reading.problems[2].message, HasSubstr("first on line 1"));
  EXPECT_EQ(reading.problems[0].path, "b.x");
  EXPECT_EQ(reading.problems[1].path, "a");
  EXPECT_EQ(read("a:\n  - {}\n  - b: {c: 1, c: 2}\n").problems.at(0).path, "a[1].b.c");
}

TEST(YamlDuplicates, TheLastWinsWhereThatIsTheRule) {
  const YamlOptions options{.duplicates = YamlOptions::Duplicates::last_wins};
  EXPECT_EQ(shape_of("a: 1\nb: 2\na: 3", options), "{b:2,a:3}");
}

TEST(YamlDuplicates, AHostileDocumentGetsAHundredOfThemNotAMillion) {
  std::string text;
  for (int i = 0; i < 5000; ++i)
    text += "a:\n";
  EXPECT_EQ(read(text).problems.size(), 100U);
}

TEST(YamlAliases, CopyWhatTheyName) {
  EXPECT_EQ(shape_of("a: &x {k: [1]}\nb: *x\nc: &s text\nd: *s\n*s : key\n"),
            "{a:{k:[1]},b:{k:[1]},c:text,d:text,text:key}");
  EXPECT_EQ(shape_of("- &a [1]\n- [*a, &b {x: *a, y: [&c [2], *c, 3]}, *b]\n- *c\n"),
            "[[1],[[1],{x:[1],y:[[2],[2],3]},{x:[1],y:[[2],[2],3]}],[2]]");
  EXPECT_EQ(shape_of("- &a 1\n- &a 2\n- *a\n"), "[1,2,2]");
  EXPECT_EQ(
      shape_of("&k key: &v value\n*k : *v\n", {.duplicates = YamlOptions::Duplicates::last_wins}),
      "{key:value}");
}

TEST(YamlAliases, ThatContainThemselvesAreRefused) {
  EXPECT_EQ(read("&a [*a]").problem(), "1:5 this alias stands inside what it refers to");
  EXPECT_THAT(read("a: &a\n  b: {c: *a}\n").problem(), HasSubstr("2:10 "));
  EXPECT_THAT(read("[*nobody]").problem(), HasSubstr("anchor"));
}

TEST(YamlAliases, DoNotGrowIntoABomb) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string name = "a" + std::to_string(i), inner = "*a" + std::to_string(i - 1);
    bomb += name + ": &" + name + " [" + inner;
    for (int j = 0; j < 9; ++j)
      bomb += ", " + inner;
    bomb += "]\n";
  }
  EXPECT_THAT(read(bomb).problem(), HasSubstr("aliases expand to more than 100000 values"));
}

TEST(YamlAliases, ALongTextNamedOftenIsABombToo) {
  std::string text = "- &long \"" + std::string(100'000, 'x') + "\"\n";
  for (int i = 0; i < 1000; ++i)
    text += "- *long\n";
  EXPECT_THAT(read(text).problem(), HasSubstr("aliases expand"));
}

TEST(YamlAliases, AChainDoesNotGetAroundTheDepthLimit) {
  std::string text = "- &a0 [x]\n";
  for (int i = 1; i < 200; ++i)
    text += "- &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  EXPECT_THAT(read(text).problem(), HasSubstr("aliases nest deeper than 100 levels"));
}

TEST(YamlMerge, FillsInWhatIsNotGiven) {
  EXPECT_EQ(shape_of("base: &b {x: 1, y: 2}\nown:\n  <<: *b\n  y: 3\n"),
            "{base:{x:1,y:2},own:{y:3,x:1}}");
}

TEST(YamlMerge, TheFirstOfSeveralWinsAndMergesNest) {
  EXPECT_EQ(shape_of("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: [*b, {x: 9, z: 3}]}\n"),
            "{a:{x:1},b:{y:2,x:1},c:{y:2,x:1,z:3}}");
}

TEST(YamlMerge, LeavesAnchorsBehindItFindable) {
  EXPECT_EQ(shape_of("m: {<<: {p: &p [1]}, q: &q [2]}\nr: [*p, *q]\n"),
            "{m:{q:[2],p:[1]},r:[[1],[2]]}");
}

TEST(YamlMerge, HappensOnlyForThePlainKeyAndOnlyWhenAsked) {
  EXPECT_EQ(shape_of("{'<<': {a: 1}}"), "{<<:{a:1}}");
  EXPECT_EQ(shape_of("{<<: {a: 1}}", {.merge_keys = false}), "{<<:{a:1}}");
}

TEST(YamlMerge, TakesMapsAndNothingElse) {
  EXPECT_EQ(read("a:\n  <<: text\n").problem(), "2:7 '<<' takes a map or a list of maps");
  EXPECT_THAT(read("<<: [{a: 1}, 2]").problem(), HasSubstr("1:14 "));
  EXPECT_THAT(read("<<: {}\n<<: {}\n").problem(), HasSubstr("2:1 '<<' stands here twice"));
}

TEST(YamlDocuments, OneIsAllowedUnlessTheRestIsToBeIgnored) {
  const YamlOptions first{.documents = YamlOptions::Documents::first};
  EXPECT_EQ(read("a: 1\n---\nb: 2\n").problem(), "2:1 only one document is allowed");
  EXPECT_EQ(shape_of("a: 1\n---\nb: [\n", first), "{a:1}");
  EXPECT_EQ(shape_of("---\na: 1\n---\nb: {\n", first), "{a:1}");
}

TEST(YamlDocuments, WhatFollowsTheirEndIsNotDroppedInSilence) {
  const YamlOptions first{.documents = YamlOptions::Documents::first};
  EXPECT_THAT(read("[a] b", first).problem(), HasSubstr("1:5 nothing can follow here"));
  EXPECT_THAT(read("- a\nb: 1\n", first).problem(), HasSubstr("2:1 nothing can follow here"));
  EXPECT_THAT(read("a: 1\n}\n", first).problem(), HasSubstr("2:1 "));
}

TEST(YamlSyntax, ProblemsSayWhere) {
  const std::pair<std::string, std::string> cases[] = {
      {"a: b: c", "1:5 "},
      {"a: 1\n b: 2\n", "2:"},
      {"a: [1, 2\nb: 3\n", "1:4 the collection that begins here is never closed"},
      {"a: {x: 1\n", "1:4 the collection that begins here is never closed"},
      {"a: 1\nb: 'x\n", "2:1 a quote is opened after this and never closed"},
      {"a: 1\nb: \"x\n", "2:1 a quote is opened after this and never closed"},
      {"[a]: 1", "1:1 a key must be a single text"},
      {"? {a: 1}\n: 2", "1:3 a key must be a single text"},
      {"~: 1", "1:1 a key must be a single text"},
      {"a: \"\\ud800\"", "1:"},
      {"a: \"x\\0y\"", "1:4 NUL in a text"},
      {std::string("a: 1\nb: \0x", 10), "2:4 control character \\x00"},
      {"a: \x1b[31m", "1:4 control character \\x1b"},
      {"a: 1\nb: \xff\xfe", "2:4 this is not UTF-8"},
  };
  for (const auto& [text, complaint] : cases)
    EXPECT_THAT(read(text).problem(), HasSubstr(complaint)) << text;
}

TEST(YamlLimits, HoldForDepthAndCount) {
  EXPECT_EQ(shape_of("[[[]]]", {.depth = 3}), "[[[]]]");
  EXPECT_EQ(read("[[[]]]", {.depth = 2}).problem(), "1:3 nested deeper than 2 levels");
  EXPECT_EQ(shape_of("[a, {b: c}]", {.nodes = 4}), "[a,{b:c}]");
  EXPECT_THAT(read("[a, {b: c}]", {.nodes = 3}).problem(), HasSubstr("more than 3 values"));
}

TEST(YamlLimits, DeepNestingIsAProblemAndNotACrash) {
  std::string dashes;
  for (int i = 0; i < 20'000; ++i)
    dashes += "- ";
  EXPECT_THAT(read(dashes).problem(), HasSubstr("nested deeper than 100"));
  const std::string brackets = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_THAT(read(brackets).problem(), HasSubstr("nested deeper than 100"));
  EXPECT_NE(read(brackets, {.depth = 100'000}).problem(), "") << "the parser's own limit";
  EXPECT_NE(read(std::string(100'000, '[')).problem(), "");
}

TEST(YamlLimits, ALineOfBracketsCostsNoMoreThanItsValuesMay) {
  std::string line;
  for (int i = 0; i < 100'000; ++i)
    line += "[[],";
  EXPECT_EQ(read(line, {.nodes = 1000}).problem(), "1:1 more than 1000 values");
}

TEST(YamlLimits, TenThousandChartsAreReadWhole) {
  std::string text = "charts:\n";
  for (int i = 0; i < 10'000; ++i)
    text += "  - name: chart-" + std::to_string(i) +
            "\n    source: oci://registry.example.com/charts/app\n    version: \"1.2.3\"\n";
  const Reading reading = read(text);
  EXPECT_TRUE(reading.problems.empty());
  EXPECT_EQ(reading.root.find("charts")->items.back().find("name")->text, "chart-9999");
  EXPECT_EQ(reading.root.find("charts")->items.back().at.line, 29'999);
}

TEST(YamlQuote, LeavesPlainWhatIsPlainlyText) {
  for (const std::string_view text : {"web", "oci-charts", "a/b.c", "/var/lib", "v1.2.3", "_x"})
    EXPECT_EQ(yaml_quote(text), text);
}

TEST(YamlQuote, QuotesWhatSomeReaderWouldTakeForSomethingElse) {
  for (const std::string_view text :
       {"",     "yes", "No",   "TRUE", "null", "~",    "n",    "on", "1.10",
        "0x1F", "1e3", ".inf", "-",    "- a",  "a: b", "a #b", "*x", "&x",
        "!x",   "%x",  "@x",   "[",    "{}",   "<<",   "=",    " a", "2026-01-02"}) {
    EXPECT_EQ(yaml_quote(text).front(), '"') << text;
    EXPECT_EQ(shape_of(yaml_quote(text)), '"' + std::string(text) + '"');
  }
}

TEST(YamlQuote, AnyTextComesBackAsItWas) {
  for (const std::string_view text : {"a\"b\\c", "line\nline\n", "\ttab\r\n", "\x01\x1f\x7f",
                                      "\u0085\u00a0\u2028\uFEFF", "é😀", "'single'", "${VAR} %s"})
    EXPECT_EQ(read("k: " + yaml_quote(text)).root.find("k")->text, text);
  EXPECT_EQ(yaml_quote("a\xff"), "\"a\uFFFD\"");
}

}  // namespace
}  // namespace ocisync
