#include "chart/go_scalar.h"

#include <gtest/gtest.h>

namespace ocisync {
namespace {

std::string read_as_text(std::string text, bool quoted = false) {
  YamlValue value;
  value.kind = YamlValue::Kind::scalar;
  value.text = std::move(text);
  value.quoted = quoted;
  return go_text(go_scalar(value));
}

TEST(GoScalar, BecomesTheTextThatHelmStores) {
  const struct {
    const char* written;
    const char* text;
  } cases[] = {
      // booleans of YAML 1.1
      {"y", "true"},
      {"Y", "true"},
      {"yes", "true"},
      {"On", "true"},
      {"TRUE", "true"},
      {"n", "false"},
      {"No", "false"},
      {"OFF", "false"},
      {"yEs", "yEs"},
      {"tRUE", "tRUE"},
      // nothing
      {"", ""},
      {"~", ""},
      {"null", ""},
      {"NULL", ""},
      {"nULL", "nULL"},
      // integers
      {"0", "0"},
      {"-0", "0"},
      {"42", "42"},
      {"+42", "42"},
      {"-7", "-7"},
      {"1_000", "1000"},
      {"010", "8"},
      {"0x1F", "31"},
      {"0o17", "15"},
      {"0b101", "5"},
      {"-0b11", "-3"},
      {"08", "8"},
      {"0x", "0x"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "1.8446744073709552e+19"},
      {"-9223372036854775809", "-9.223372036854776e+18"},
      // floats, in Go's shortest form
      {"1.10", "1.1"},
      {"1.0", "1"},
      {"9.9", "9.9"},
      {".5", "0.5"},
      {"5.", "5"},
      {"-.5", "-0.5"},
      {"+1.5", "1.5"},
      {"1e3", "1000"},
      {"100000.0", "100000"},
      {"999999.5", "999999.5"},
      {"1000000.0", "1e+06"},
      {"20240131.1", "2.02401311e+07"},
      {"0.0001", "0.0001"},
      {"0.00001", "1e-05"},
      {"1e100", "1e+100"},
      {"0.0", "0"},
      {"-0.0", "-0"},
      {".inf", "+Inf"},
      {"-.INF", "-Inf"},
      {".NaN", "NaN"},
      {"1e999", "1e999"},
      // text that only looks like a number
      {"1.2.3", "1.2.3"},
      {"v1.2.3", "v1.2.3"},
      {"2001-01-01", "2001-01-01"},
      {"12:30:45", "12:30:45"},
      {"0x1g", "0x1g"},
      {"1e", "1e"},
      {"-", "-"},
      {"+", "+"},
      {".", "."},
      {"..", ".."},
      {"inf", "inf"},
      {"nan", "nan"},
      {"-inf", "-inf"},
      {"1-2", "1-2"},
      {"++1", "++1"},
      {"+-1", "+-1"},
      {"+-1.5", "+-1.5"},
      {"a b", "a b"},
  };

  for (const auto& each : cases)
    EXPECT_EQ(read_as_text(each.written), each.text) << each.written;
}

TEST(GoScalar, LeavesQuotedTextAlone) {
  for (const char* text : {"y", "1.10", "null", "", "010"})
    EXPECT_EQ(read_as_text(text, true), text);
}

TEST(GoScalar, KeepsKindsApart) {
  const auto read = [](const char* text) {
    YamlValue value;
    value.kind = YamlValue::Kind::scalar;
    value.text = text;
    return go_scalar(value);
  };
  EXPECT_EQ(read("on"), GoScalar(true));
  EXPECT_EQ(read("3"), GoScalar(std::int64_t{3}));
  EXPECT_EQ(read("1.5"), GoScalar(1.5));
  EXPECT_EQ(read("x"), GoScalar(std::string("x")));
  EXPECT_EQ(read("~"), GoScalar());
  EXPECT_EQ(go_scalar(YamlValue{}), GoScalar());
}

}  // namespace
}  // namespace ocisync
