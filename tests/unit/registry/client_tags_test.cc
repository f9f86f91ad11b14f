// Listing tags over pages, and lists that are out to hurt.

#include "registry/tag_list.h"
#include "rig.h"

namespace ocisync {
namespace {

using Strings = std::vector<std::string>;

class Tags : public Rig {
 protected:
  static constexpr std::string_view kList =
      "GET https://registry.example.com/v2/team/web/tags/list";

  void on(std::string_view query, std::vector<Reply> replies) {
    http_.on(std::string(kList) + std::string(query), std::move(replies));
  }

  static Reply page(std::string tags, std::string link = "") {
    Reply reply{200, {}, fmt::format(R"({{"name":"team/web","tags":{}}})", tags)};
    if (!link.empty())
      reply.headers.emplace_back("Link", link);
    return reply;
  }

  Strings tags() { return client().tags(ref(), counts_, {}); }
};

TEST_F(Tags, ComeInPagesUntilNoneIsLinked) {
  on("?n=1000", {page(R"(["a","c"])", R"(</v2/team/web/tags/list?last=c&n=2>; rel="next")")});
  on("?last=c&n=2", {page(R"(["b"])", R"(<?last=b>; rel="next")")});
  on("?last=b", {page(R"(["d","a"])")});
  EXPECT_EQ(tags(), (Strings{"a", "b", "c", "d"}));
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(Tags, AreListedWithoutACountWhereOneIsRefused) {
  for (const int status : {400, 405}) {
    on("?n=1000", {{status}});
    on("", {page(R"(["a"])")});
    EXPECT_EQ(tags(), Strings{"a"}) << status;
  }
}

TEST_F(Tags, MayBeNone) {
  for (const std::string body :
       {R"({"name":"x","tags":null})", R"({"name":"x","tags":[]})", "{}"}) {
    on("", {{200, {}, body}});
    EXPECT_EQ(tags(), Strings{}) << body;
  }
}

TEST_F(Tags, OutsideTheGrammarAreDropped) {
  on("", {page(R"(["ok","../evil","-x","a b","\u001b[31m","","ü","a/b","_fine"])")});
  EXPECT_EQ(tags(), (Strings{"_fine", "ok"}));
}

TEST_F(Tags, OfAnotherShapeAreRefused) {
  for (const std::string body :
       {R"({"tags":{}})", R"({"tags":"a"})", R"({"tags":[1]})", R"({"tags":[null]})", R"(["a"])",
        "null", "", "{", "<html></html>", R"({"tags":["a"],"tags":["b"]})"}) {
    on("", {{200, {}, body}});
    EXPECT_EQ(reason_of([&] { tags(); }), Reason::protocol_violation) << body;
  }
}

TEST_F(Tags, AreNotFollowedToAnotherServer) {
  for (const std::string link :
       {"<https://evil.example.net/v2/team/web/tags/list>; rel=next",
        "<//evil.example.net/x>; rel=next", "<http://registry.example.com/v2/x>; rel=next",
        "<https://registry.example.com:444/v2/x>; rel=next"}) {
    http_.forget();
    on("", {page(R"(["a"])", link)});
    EXPECT_EQ(reason_of([&] { tags(); }), Reason::policy_refused) << link;
    EXPECT_EQ(lines().size(), 1U);
  }
}

TEST_F(Tags, InACircleAreRefused) {
  on("", {page(R"(["a"])", "</v2/team/web/tags/list?n=1000>; rel=next")});
  EXPECT_EQ(reason_of([&] { tags(); }), Reason::protocol_violation);
  on("", {page(R"(["a"])", "<?p=1>; rel=next")});
  on("?p=1", {page(R"(["b"])", "<?p=2>; rel=next")});
  on("?p=2", {page(R"(["b"])", "<?p=1>; rel=next")});
  EXPECT_EQ(reason_of([&] { tags(); }), Reason::protocol_violation);
}

TEST_F(Tags, OfEndlessPagesStopAtAHundred) {
  int number = 0;
  http_.otherwise([&](const ScriptedHttp::Seen&) {
    return page(R"(["a"])", fmt::format("<?p={}>; rel=next", number++));
  });
  EXPECT_EQ(reason_of([&] { tags(); }), Reason::limit_exceeded);
  EXPECT_EQ(lines().size(), 100U);
}

TEST_F(Tags, AreNoMoreThanAHundredThousand) {
  std::string many = "[\"a\"";
  for (int i = 0; i < 100'000; ++i)
    many += fmt::format(",\"t{}\"", i);
  on("", {page(many + "]")});
  EXPECT_EQ(reason_of([&] { tags(); }), Reason::limit_exceeded);
}

TEST_F(Tags, AreNoMoreThanFourMebibytesAPage) {
  on("", {page("[\"" + std::string(4 << 20, 'a') + "\"]")});
  EXPECT_EQ(reason_of([&] { tags(); }), Reason::limit_exceeded);
}

TEST_F(Tags, OfAMissingRepositoryAreNotFound) {
  on("", {{404, {}, R"({"errors":[{"code":"NAME_UNKNOWN"}]})"}});
  EXPECT_EQ(reason_of([&] { tags(); }), Reason::not_found);
  on("", {{403}});
  EXPECT_EQ(reason_of([&] { tags(); }), Reason::unauthorized);
}

TEST(NextLink, IsFoundAmongOthers) {
  struct Row {
    std::string_view header;
    std::optional<std::string> expected;
  };

  const Row rows[] = {
      {R"(</v2/x>; rel="next")", "/v2/x"},
      {R"(</v2/x>;rel=next)", "/v2/x"},
      {R"(</v2/x> ; title="a, b; c" ; REL = "Next")", "/v2/x"},
      {R"(</v2/a>; rel="prev", </v2/b>; rel="next")", "/v2/b"},
      {R"(</v2/a,b;c>; rel="next")", "/v2/a,b;c"},
      {R"(</v2/x>; rel="prev next")", "/v2/x"},
      {R"(</v2/x>; rel="nextish")", std::nullopt},
      {R"(</v2/x>; rel="prev")", std::nullopt},
      {R"(</v2/x>)", std::nullopt},
      {R"(<>; rel="next")", std::nullopt},
      {R"(/v2/x; rel="next")", std::nullopt},
      {R"(</v2/x; rel="next")", std::nullopt},
      {R"(</v2/x>; title="rel=next)", std::nullopt},
      {"", std::nullopt},
  };
  for (const Row& row : rows) {
    Headers headers;
    headers.add("link", std::string(row.header));
    EXPECT_EQ(next_link(headers), row.expected) << row.header;
  }
}

}  // namespace
}  // namespace ocisync
