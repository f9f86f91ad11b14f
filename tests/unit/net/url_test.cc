#include "net/url.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

struct Good {
  std::string text;
  std::string origin;
  std::string path;
  std::string query;
};

TEST(Url, ReadsAbsoluteWebAddresses) {
  const std::vector<Good> table = {
      {"https://registry.example", "https://registry.example", "/", ""},
      {"https://registry.example/", "https://registry.example", "/", ""},
      {"HTTPS://Registry.Example:443/V2/", "https://registry.example", "/V2/", ""},
      {"http://registry.example:80/", "http://registry.example", "/", ""},
      {"http://registry.example:443/", "http://registry.example:443", "/", ""},
      {"https://h:5000/v2/a?n=1&last=b", "https://h:5000", "/v2/a", "n=1&last=b"},
      {"https://h?x", "https://h", "/", "x"},
      {"https://h/a%2Fb/%2e%2e/c?q=%20", "https://h", "/a%2Fb/%2e%2e/c", "q=%20"},
      {"https://h/a/../b/./c", "https://h", "/b/c", ""},
      {"http://[::1]:5000/", "http://[::1]:5000", "/", ""},
      {"http://127.0.0.1/", "http://127.0.0.1", "/", ""},
      {"http://2130706433/", "http://127.0.0.1", "/", ""},
      {"http://0x7f.1/", "http://127.0.0.1", "/", ""},
      {"http://%31%32%37.0.0.1/", "http://127.0.0.1", "/", ""},
      {"https://under_score.example/", "https://under_score.example", "/", ""},
  };
  for (const Good& row : table) {
    SCOPED_TRACE(row.text);
    const auto url = Url::parse(row.text);
    ASSERT_TRUE(url);
    EXPECT_EQ(url->origin().str(), row.origin);
    EXPECT_EQ(url->path(), row.path);
    EXPECT_EQ(url->query(), row.query);
    EXPECT_EQ(url->str(), row.origin + row.path + (row.query.empty() ? "" : "?" + row.query));
  }
}

TEST(Url, RefusesEverythingElseAndSaysWhy) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"", "empty"},
      {"registry.example/v2/", "absolute"},
      {"/v2/", "absolute"},
      {"ftp://h/", "scheme"},
      {"file:///etc/passwd", "slashes"},
      {"javascript:alert(1)", "slashes"},
      {"https://", "absolute"},
      {"https:/h/", "slashes"},
      {"https:///h/", "slashes"},
      {"https:h/", "slashes"},
      {"https://?x", "absolute"},
      {"https://user@h/", "user name"},
      {"https://user:word@h/", "user name"},
      {"https://h\\@evil/", "byte"},
      {"https://h/a b", "byte"},
      {"https://h/\r\nX: y", "byte"},
      {"https://h/\x7f", "byte"},
      {"https://h/ü", "byte"},
      {std::string("https://h/\0", 11), "byte"},
      {"https://h/#top", "fragment"},
      {"https://h:0/", "port"},
      {"https://h:65536/", "absolute"},
      {"https://h:x/", "absolute"},
      {"https://h|x/", "character"},
      {"https://a,b/", "absolute"},
      {"https://[fe80::1%25eth0]/", "zone"},
      {"https://[::1", "absolute"},
      {"https://" + std::string(254, 'a') + "/", "host is too long"},
      {"https://h/" + std::string(20'000, 'a'), "too long"},
  };
  for (const auto& [text, reason] : table) {
    SCOPED_TRACE(text.substr(0, 60));
    std::string why;
    EXPECT_FALSE(Url::parse(text, &why));
    EXPECT_NE(why.find(reason), std::string::npos) << why;
    EXPECT_FALSE(Url::parse(text));
  }
}

TEST(Url, ResolvesReferencesOfAServer) {
  const Url base = *Url::parse("https://registry.example:5000/v2/a/b?n=1");
  const std::vector<std::pair<std::string, std::string>> table = {
      {"/x", "https://registry.example:5000/x"},
      {"x?y=z", "https://registry.example:5000/v2/a/x?y=z"},
      {"../y", "https://registry.example:5000/v2/y"},
      {"/../../y", "https://registry.example:5000/y"},
      {"?last=c", "https://registry.example:5000/v2/a/b?last=c"},
      {"//storage.example/p", "https://storage.example/p"},
      {"https://storage.example/p?sig=1#part", "https://storage.example/p?sig=1"},
      {"http://storage.example/", "http://storage.example/"},
      {"/a%2Fb?c=%2F", "https://registry.example:5000/a%2Fb?c=%2F"},
  };
  for (const auto& [reference, expected] : table) {
    const auto url = base.resolve(reference);
    ASSERT_TRUE(url) << reference;
    EXPECT_EQ(url->str(), expected);
  }
}

TEST(Url, ResolvesNoTricks) {
  const Url base = *Url::parse("https://registry.example/v2/");
  for (const std::string reference :
       {"", "#top", "https://u:p@h/", "//u@h/", "///evil/x", "https:/evil/", "https:evil",
        "\\\\evil", "/a b", "/\r\nX: y", "javascript:alert(1)", "file:///etc/passwd", "gopher://h/",
        "ftp://h/x", "data:text/plain,x"}) {
    std::string why;
    EXPECT_FALSE(base.resolve(reference, &why)) << reference;
    EXPECT_FALSE(why.empty());
  }
}

TEST(Url, HidesQueryValuesWhenShown) {
  const auto shown = [](const std::string& text) { return Url::parse(text)->display(); };
  EXPECT_EQ(shown("https://h/p"), "https://h/p");
  EXPECT_EQ(shown("https://h/p?X-Sig=abc&e=&x=y=z"), "https://h/p?X-Sig=…&e=…&x=…");
  EXPECT_EQ(shown("https://h/p?secret"), "https://h/p?…");
}

TEST(Url, BuildsOnItself) {
  const Url base = *Url::parse("https://h:5000/v2/?n=1");
  EXPECT_EQ(base.with_path("/token").str(), "https://h:5000/token");
  EXPECT_EQ(base.with_query("last", "a/b c&d").str(), "https://h:5000/v2/?n=1&last=a%2Fb%20c%26d");
  EXPECT_EQ(base.with_path("/t").with_query("scope", "é~").str(), "https://h:5000/t?scope=%C3%A9~");
}

TEST(Url, ComparesServersByOrigin) {
  const auto origin = [](const std::string& text) { return Url::parse(text)->origin(); };
  EXPECT_EQ(origin("https://H/"), origin("https://h:443/x?y"));
  EXPECT_NE(origin("https://h/"), origin("http://h/"));
  EXPECT_NE(origin("https://h/"), origin("https://h:444/"));
  EXPECT_EQ(origin("https://h:5000/").authority(), "h:5000");
  EXPECT_EQ(origin("https://h/").authority(), "h");
}

}  // namespace
}  // namespace ocisync
