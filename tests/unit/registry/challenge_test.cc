#include "registry/challenge.h"

#include <chrono>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ocisync {
namespace {

// "bearer{realm=a,service=b} basic{}": what a header came down to.
std::string summary(const std::vector<Challenge>& challenges) {
  std::string text;
  for (const Challenge& challenge : challenges) {
    text += (text.empty() ? "" : " ") + challenge.scheme + "{";
    bool first = true;
    for (const auto& [name, value] : challenge.parameters) {
      text += fmt::format("{}{}={}", first ? "" : ";", name, value);
      first = false;
    }
    text += "}";
  }
  return text;
}

struct Row {
  std::vector<std::string_view> values;
  std::string_view expected;
};

const Row kRows[] = {
    // one challenge, as registries send it
    {{R"(Bearer realm="https://a/t",service="s",scope="repository:x:pull")"},
     "bearer{realm=https://a/t;scope=repository:x:pull;service=s}"},
    {{R"(Basic realm="Registry")"}, "basic{realm=Registry}"},
    {{R"(bEaReR ReAlM="a")"}, "bearer{realm=a}"},
    {{R"(Bearer scope="repository:x:pull,push",realm="a")"},
     "bearer{realm=a;scope=repository:x:pull,push}"},
    {{R"(Bearer realm="a",error="insufficient_scope",error_description="no, \"never\"")"},
     R"(bearer{error=insufficient_scope;error_description=no, "never";realm=a})"},
    {{R"(Bearer realm="a" , service="b")"}, "bearer{realm=a;service=b}"},
    {{R"(Bearer realm = "a",service= "b")"}, "bearer{realm=a;service=b}"},
    {{R"(   Bearer    realm="a"   )"}, "bearer{realm=a}"},
    {{"Bearer\trealm=\"a\""}, "bearer{realm=a}"},
    {{R"(Bearer realm=a)"}, "bearer{realm=a}"},
    {{R"(Bearer realm=https://a/t?x=y,service=s)"}, "bearer{realm=https://a/t?x=y;service=s}"},
    {{R"(Bearer realm="a",scope="")"}, "bearer{realm=a;scope=}"},
    {{R"(Bearer realm="a",)"}, "bearer{realm=a}"},
    {{R"(Bearer ,,realm="a",, ,service="b",)"}, "bearer{realm=a;service=b}"},
    {{R"(Bearer realm="a",realm="b")"}, "bearer{realm=a}"},
    {{R"(Bearer REALM="a",realm="b")"}, "bearer{realm=a}"},
    {{R"(Bearer realm="\a\\b\"")"}, R"(bearer{realm=a\b"})"},
    {{R"(Bearer realm="a" service="b")"}, "bearer{realm=a;service=b}"},
    {{R"(Bearer unknown="x",realm="a")"}, "bearer{realm=a;unknown=x}"},
    {{R"(Bearer realm="")"}, "bearer{realm=}"},
    {{R"(Bearer)"}, "bearer{}"},
    {{R"(Basic)"}, "basic{}"},
    {{R"(X-Own_Scheme.1 a="b")"}, "x-own_scheme.1{a=b}"},
    // several
    {{R"(Basic realm="a", Bearer realm="b",service="c")"},
     "basic{realm=a} bearer{realm=b;service=c}"},
    {{R"(Basic realm="a",Bearer realm="b")"}, "basic{realm=a} bearer{realm=b}"},
    {{R"(Basic realm="a" Bearer realm="b")"}, "basic{realm=a} bearer{realm=b}"},
    {{R"(Basic, Bearer realm="b")"}, "basic{} bearer{realm=b}"},
    {{R"(Basic realm="a, Bearer realm=evil", Bearer realm="b")"},
     "basic{realm=a, Bearer realm=evil} bearer{realm=b}"},
    {{R"(Basic realm="a")", R"(Bearer realm="b")"}, "basic{realm=a} bearer{realm=b}"},
    {{R"(, ,Basic realm="a")"}, "basic{realm=a}"},
    // the lump of other schemes
    {{"Negotiate"}, "negotiate{}"},
    {{"Negotiate YWJj/+=="}, "negotiate{}"},
    {{R"(Negotiate YWJj==, Bearer realm="a")"}, "negotiate{} bearer{realm=a}"},
    {{R"(NTLM TlRMTVNTUAAB, Basic realm="a")"}, "ntlm{} basic{realm=a}"},
    {{R"(Negotiate, NTLM, Basic realm="a")"}, "negotiate{} ntlm{} basic{realm=a}"},
    {{R"(Digest realm="a", nonce="b", qop="auth, auth-int", Basic realm="c")"},
     "digest{nonce=b;qop=auth, auth-int;realm=a} basic{realm=c}"},
    // malformed: skipped, without losing what is sound elsewhere
    {{""}, ""},
    {{" , ,"}, ""},
    {{R"("quoted")"}, ""},
    {{R"(Bearer realm="never closed)"}, ""},
    {{R"(Bearer realm="a",service="never closed)"}, ""},
    {{R"(Bearer realm="never closed)", R"(Basic realm="a")"}, "basic{realm=a}"},
    {{R"(=x, Basic realm="a")"}, "basic{realm=a}"},
    {{R"(@@@, Basic realm="a")"}, "basic{realm=a}"},
    {{R"(Bearer realm="a\)"}, ""},
    {{"\x01\x02\xff, Basic realm=\"a\""}, "basic{realm=a}"},
};

TEST(Challenge, ReadsEveryWayServersAskForAuthentication) {
  for (const Row& row : kRows)
    EXPECT_EQ(summary(parse_challenges(row.values)), row.expected) << row.values.front();
}

TEST(Challenge, KeepsAtMostSixteenOfThirtyTwoParameters) {
  std::string many;
  for (int i = 0; i < 40; ++i)
    many += fmt::format("S{} a=b, ", i);
  EXPECT_EQ(parse_challenges({many}).size(), 16U);

  std::string parameters = "Bearer ";
  for (int i = 0; i < 100; ++i)
    parameters += fmt::format("p{}=v,", i);
  const auto challenges = parse_challenges({parameters});
  ASSERT_EQ(challenges.size(), 1U);
  EXPECT_EQ(challenges[0].parameters.size(), 32U);
}

TEST(Challenge, ReadsNoMoreThanEightKibibytesOfAnAbsurdHeader) {
  std::string absurd = "Bearer ";
  for (int i = 0; i < 100'000; ++i)
    absurd += fmt::format("p{}=\"v\",", i);
  EXPECT_LE(parse_challenges({absurd}).size(), 1U);
  const std::string quotes = "Bearer realm=\"" + std::string(1 << 20, '\\');
  EXPECT_TRUE(parse_challenges({quotes}).empty());
  const std::string late(8 * 1024, ',');
  EXPECT_TRUE(parse_challenges({late, R"(Basic realm="a")"}).empty());
}

}  // namespace
}  // namespace ocisync
