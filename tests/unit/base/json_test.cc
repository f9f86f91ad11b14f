#include "base/json.h"

#include <cmath>
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

std::string refusal(std::string_view text, JsonLimits limits = {}) {
  const auto error = error_of([&] { Json::parse(text, limits); });
  if (!error)
    return {};
  EXPECT_EQ(error->reason(), Reason::protocol_violation);
  return error->message();
}

TEST(JsonReading, KeepsMembersInOrderAndEveryKindOfValue) {
  const Json json = Json::parse(R"({"z":[1,-2,1.5,true,null,"x"],"a":{}})");
  EXPECT_EQ(json.dump(), R"({"z":[1,-2,1.5,true,null,"x"],"a":{}})");
  EXPECT_EQ(json.find("z")->items()[2].kind(), Json::Kind::real);
  EXPECT_EQ(json.find("z")->items()[3].boolean(), true);
  EXPECT_TRUE(json.find("a")->is_object());
  EXPECT_EQ(json.find("b"), nullptr);
}

TEST(JsonReading, KeepsIntegersExactToTheEdges) {
  const Json json = Json::parse(
      "[9223372036854775807, 9223372036854775808, 18446744073709551615, "
      "-9223372036854775808, 18446744073709551616, 1e2]");
  const auto& items = json.items();
  EXPECT_EQ(items[0].integer(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(items[1].unsigned_integer(), 9223372036854775808U);
  EXPECT_FALSE(items[1].integer());
  EXPECT_EQ(items[2].unsigned_integer(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(items[3].integer(), std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(items[3].unsigned_integer());
  EXPECT_EQ(items[4].kind(), Json::Kind::real);
  EXPECT_FALSE(items[4].unsigned_integer());
  EXPECT_FALSE(items[5].integer()) << "1e2 is not written as an integer";
  EXPECT_EQ(items[5].number(), 100);
  EXPECT_EQ(items[1].kind(), Json::Kind::integer);
}

TEST(JsonReading, AnswersWithNothingWhenAskedForAnotherKind) {
  const Json text("5");
  EXPECT_FALSE(text.integer());
  EXPECT_FALSE(text.number());
  EXPECT_FALSE(text.boolean());
  EXPECT_TRUE(text.items().empty());
  EXPECT_TRUE(text.members().empty());
  EXPECT_EQ(text.find("x"), nullptr);
  EXPECT_EQ(Json(5).string(), nullptr);
  EXPECT_EQ(Json::parse(R"({"a":5})").find_string("a"), nullptr);
}

TEST(JsonReading, DecodesEscapes) {
  EXPECT_EQ(*Json::parse(R"("\u00e9\ud83d\ude00\n\/")").string(), "é😀\n/");
}

TEST(JsonReading, RefusesWhatAHostileDocumentChoosesForUs) {
  const std::pair<std::string, std::string> cases[] = {
      {R"({"digest":"a","digest":"b"})", "'digest' twice"},
      {R"([{"a":1,"b":{"\u0061":1,"a":2}}])", "'a' twice"},
      {R"(["a\u0000b"])", "NUL in a string"},
      {R"({"a\u0000b":1})", "NUL in a string"},
      {std::string("{}\0 garbage", 11), "byte 2: NUL"},
      {"{} x", "byte 4"},
      {"[1,]", "invalid JSON at byte 4: syntax error"},
      {"", "invalid JSON"},
      {"[1] // comment", "invalid JSON"},
      {"nul", "invalid JSON"},
      {"NaN", "invalid JSON"},
      {"1e999", "byte 5: number overflow"},
      {"\"\xff\"", "UTF-8"},
      {"\"\xed\xa0\x80\"", "UTF-8"},
      {R"("\ud800")", "surrogate"},
      {"\"tab\there\"", "control character"},
      {"[01]", "invalid JSON"},
  };
  for (const auto& [text, complaint] : cases)
    EXPECT_THAT(refusal(text), HasSubstr(complaint)) << text;
}

TEST(JsonReading, ShowsNothingOfTheDocumentRaw) {
  EXPECT_EQ(refusal("{\"a\x1b[31m\":1}").find('\x1b'), std::string::npos);
  EXPECT_EQ(refusal("{\"a\\u001b\":1,\"a\\u001b\":2}").find('\x1b'), std::string::npos);
}

TEST(JsonReading, SurvivesAMillionBrackets) {
  EXPECT_THAT(refusal(std::string(1'000'000, '[')), HasSubstr("byte 65: nested deeper than 64"));
  std::string objects;
  for (int i = 0; i < 100'000; ++i)
    objects += "{\"a\":";
  EXPECT_THAT(refusal(objects), HasSubstr("nested deeper than 64"));
}

TEST(JsonReading, AllowsExactlyTheDepthAndTheCountOfItsLimits) {
  EXPECT_NO_THROW(Json::parse("[[[]]]", {.depth = 3}));
  EXPECT_THAT(refusal("[[[]]]", {.depth = 2}), HasSubstr("deeper than 2"));
  EXPECT_NO_THROW(Json::parse("[1,2]", {.values = 3}));
  EXPECT_THAT(refusal("[1,2]", {.values = 2}), HasSubstr("more than 2 values"));
}

TEST(JsonReading, FindsADuplicateAmongManyKeysQuickly) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i)
    text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_EQ(Json::parse(text + "\"x\":0}").members().size(), 200'001U);
  EXPECT_THAT(refusal(text + "\"k7\":0}"), HasSubstr("'k7' twice"));
}

TEST(JsonValue, EqualNumbersAreEqualHoweverTheyWereMade) {
  EXPECT_EQ(Json(std::uint64_t{5}), Json(std::int64_t{5}));
  EXPECT_EQ(Json::parse("5"), Json(5));
  EXPECT_NE(Json(5), Json("5"));
  EXPECT_NE(Json(5), Json(5.0));
}

TEST(JsonBuilding, SetReplacesInPlaceAndEraseRemoves) {
  Json json = Json::object();
  json.set("a", 1).set("b", Json::array().add("x").add(true)).set("a", 2);
  EXPECT_EQ(json.dump(), R"({"a":2,"b":["x",true]})");
  EXPECT_TRUE(json.erase("a"));
  EXPECT_FALSE(json.erase("a"));
  EXPECT_EQ(json.dump(), R"({"b":["x",true]})");
}

TEST(JsonBuilding, NullBecomesWhatItIsFirstUsedAs) {
  Json object, array;
  object.set("a", Json());
  array.add(1);
  EXPECT_EQ(object.dump(), R"({"a":null})");
  EXPECT_EQ(array.dump(), "[1]");
  EXPECT_EQ(reason_of([&] { array.set("a", 1); }), Reason::internal);
  EXPECT_EQ(reason_of([&] { object.add(1); }), Reason::internal);
}

TEST(JsonWriting, IndentsLikeTheToolsPeopleKnow) {
  const Json json = Json::parse(R"({"a":[1,{"b":null}],"c":{},"d":[]})");
  EXPECT_EQ(json.dump(2),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n"
            "  \"d\": []\n}");
}

TEST(JsonWriting, EscapesWhatJsonDemandsAndOnRequestWhatHtmlFears) {
  const Json json("\"\\\n\x01<&>\u2028é");
  EXPECT_EQ(json.dump(), "\"\\\"\\\\\\n\\u0001<&>\u2028é\"");
  EXPECT_EQ(json.dump(-1, Json::Escape::html), R"("\"\\\n\u0001\u003c\u0026\u003e\u2028é")");
  EXPECT_EQ(Json::parse(json.dump(-1, Json::Escape::html)), json);
}

TEST(JsonWriting, IsAlwaysUtf8AndAlwaysJson) {
  EXPECT_EQ(Json("a\xff\xc3z").dump(), "\"a\uFFFD\uFFFDz\"");
  EXPECT_EQ(Json(std::nan("")).dump(), "null");
  EXPECT_EQ(Json(HUGE_VAL).dump(), "null");
}

TEST(JsonWriting, GivesRealNumbersBackUnchanged) {
  for (const double value : {0.1, 1.0, -2.5e-300, 1e21, 5e-324, 123456789.125}) {
    const Json back = Json::parse(Json(value).dump());
    EXPECT_EQ(back.kind(), Json::Kind::real) << Json(value).dump();
    EXPECT_EQ(back.number(), value);
  }
  EXPECT_EQ(Json(0.1).dump(), "0.1");
  EXPECT_EQ(Json(3.0).dump(), "3.0");
}

}  // namespace
}  // namespace ocisync
