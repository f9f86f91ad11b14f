#include "net/proxy_rules.h"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

std::string proxy_for(const std::string& url, const Variables& environment) {
  return environment_proxy(*Url::parse(url),
                           [&](std::string_view name) {
                             const auto at = environment.find(name);
                             return at == environment.end() ? std::nullopt
                                                            : std::optional(at->second);
                           })
      .value_or("none");
}

TEST(ProxyRules, PicksTheVariableOfTheScheme) {
  const Variables both = {{"HTTP_PROXY", "http://plain:1"}, {"https_proxy", "http://secure:2"}};
  EXPECT_EQ(proxy_for("http://h/", both), "http://plain:1");
  EXPECT_EQ(proxy_for("https://h/", both), "http://secure:2");
  EXPECT_EQ(proxy_for("https://h/", {{"HTTP_PROXY", "http://plain:1"}}), "none");
  EXPECT_EQ(proxy_for("http://h/", {{"ALL_PROXY", "http://all:1"}}), "none");
  EXPECT_EQ(proxy_for("http://h/", {}), "none");
}

TEST(ProxyRules, PrefersUpperCaseUnlessItIsEmpty) {
  EXPECT_EQ(proxy_for("https://h/", {{"HTTPS_PROXY", "http://a:1"}, {"https_proxy", "http://b:1"}}),
            "http://a:1");
  EXPECT_EQ(proxy_for("https://h/", {{"HTTPS_PROXY", ""}, {"https_proxy", "http://b:1"}}),
            "http://b:1");
  EXPECT_EQ(proxy_for("https://h/", {{"https_proxy", "http://b:1"}, {"no_proxy", "h"}}), "none");
}

TEST(ProxyRules, IgnoresWhatACgiClientCouldHaveSet) {
  const Variables cgi = {
      {"REQUEST_METHOD", "GET"}, {"HTTP_PROXY", "http://evil:1"}, {"HTTPS_PROXY", "http://good:2"}};
  EXPECT_EQ(proxy_for("http://h/", cgi), "none");
  EXPECT_EQ(proxy_for("https://h/", cgi), "http://good:2");
}

TEST(ProxyRules, ReadsProxyUrlsAsGoDoes) {
  const auto proxy = [](const std::string& value) {
    return proxy_for("https://h/", {{"HTTPS_PROXY", value}});
  };
  EXPECT_EQ(proxy("proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(proxy(" http://u:p@proxy:3128 "), "http://u:p@proxy:3128");
  EXPECT_EQ(proxy("https://proxy"), "https://proxy");
  EXPECT_EQ(proxy("socks5://proxy:1080"), "socks5h://proxy:1080");
  EXPECT_EQ(proxy("socks5h://proxy:1080"), "socks5h://proxy:1080");
  EXPECT_EQ(proxy("  "), "none");
}

struct Row {
  const char* no_proxy;
  const char* url;
  bool proxied;
};

TEST(ProxyRules, ReadNoProxyAsGoDoes) {
  const std::vector<Row> table = {
      {"", "https://example.com/", true},
      {"example.com", "https://example.com/", false},
      {"example.com", "https://sub.example.com/", false},
      {"example.com", "https://deep.sub.example.com/", false},
      {"example.com", "https://notexample.com/", true},
      {"example.com", "https://example.com.evil/", true},
      {"example.com", "https://example.com:8443/", false},
      {"EXAMPLE.com", "https://Example.Com/", false},
      {".example.com", "https://example.com/", true},
      {".example.com", "https://sub.example.com/", false},
      {".example.com", "https://notexample.com/", true},
      {"*.example.com", "https://example.com/", true},
      {"*.example.com", "https://sub.example.com/", false},
      {"*", "https://example.com/", false},
      {"*", "https://10.0.0.1/", false},
      {"other,*", "https://example.com/", false},
      {"*example.com", "https://example.com/", true},
      {"example.com:443", "https://example.com/", false},
      {"example.com:8443", "https://example.com/", true},
      {"example.com:8443", "https://sub.example.com:8443/", false},
      {".example.com:8443", "https://sub.example.com:8443/", false},
      {".example.com:8443", "https://example.com:8443/", true},
      {"example.com:", "https://example.com:8443/", false},
      {"example.com:x", "https://example.com/", true},
      {"a,b,example.com", "https://example.com/", false},
      {" a , example.com ", "https://example.com/", false},
      {"a example.com", "https://example.com/", true},
      {",,", "https://example.com/", true},
      {":443", "https://example.com/", true},
      {"com", "https://example.com/", false},
      {"10.0.0.1", "https://10.0.0.1/", false},
      {"10.0.0.1", "https://10.0.0.11/", true},
      {"10.0.0.1:443", "https://10.0.0.1/", false},
      {"10.0.0.1:444", "https://10.0.0.1/", true},
      {"10.0.0.0/8", "https://10.20.30.40/", false},
      {"10.0.0.0/8", "https://11.0.0.1/", true},
      {"10.0.0.1/9", "https://10.127.0.1/", false},
      {"10.0.0.1/9", "https://10.128.0.1/", true},
      {"10.0.0.0/33", "https://10.0.0.1/", true},
      {"10.0.0.0/8", "https://ten.example/", true},
      {"0.0.0.0/0", "https://8.8.8.8/", false},
      {"::/0", "https://8.8.8.8/", true},
      {"2001:db8::/32", "https://[2001:db8::1]/", false},
      {"2001:db8::/32", "https://[2001:db9::1]/", true},
      {"2001:db8::1", "https://[2001:DB8:0::1]/", false},
      {"[2001:db8::1]", "https://[2001:db8::1]/", false},
      {"[2001:db8::1]:443", "https://[2001:db8::1]/", false},
      {"[2001:db8::1]:444", "https://[2001:db8::1]/", true},
      {"0.0.1", "https://10.0.0.1/", true},
      {"", "https://localhost:5000/", false},
      {"", "http://localhost/", false},
      {"", "https://127.0.0.1/", false},
      {"", "https://127.8.9.1:5000/", false},
      {"", "https://[::1]:5000/", false},
      {"", "https://localhost.example/", true},
      {"", "https://10.0.0.1/", true},
      {"", "https://169.254.169.254/", true},
  };
  for (const Row& row : table) {
    const Variables environment = {
        {"HTTP_PROXY", "proxy:1"}, {"HTTPS_PROXY", "proxy:1"}, {"NO_PROXY", row.no_proxy}};
    EXPECT_EQ(proxy_for(row.url, environment), row.proxied ? "http://proxy:1" : "none")
        << row.url << " with NO_PROXY=" << row.no_proxy;
  }
}

TEST(ProxyRules, KnowInternalAddresses) {
  for (const char* address : {"127.0.0.1",
                              "127.255.0.1",
                              "0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "169.254.170.2",
                              "100.64.0.1",
                              "100.127.255.255",
                              "192.0.0.8",
                              "198.18.0.1",
                              "198.19.255.255",
                              "224.0.0.1",
                              "239.255.255.255",
                              "240.0.0.1",
                              "255.255.255.255",
                              "127.0.0.1.",
                              "::",
                              "::1",
                              "[::1]",
                              "::ffff:127.0.0.1",
                              "::ffff:10.1.1.1",
                              "::ffff:a9fe:a9fe",
                              "::10.0.0.1",
                              "64:ff9b::10.0.0.1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b:1::1",
                              "2002:0a00:0001::",
                              "2002:7f00:1::1",
                              "fc00::1",
                              "fd00:ec2::254",
                              "fdff::1",
                              "fe80::1",
                              "febf::1",
                              "fec0::1",
                              "ff02::1"})
    EXPECT_TRUE(is_internal_address(address)) << address;
  for (const char* address : {"8.8.8.8",         "1.1.1.1",           "9.255.255.255",
                              "11.0.0.0",        "100.63.255.255",    "100.128.0.0",
                              "172.15.255.255",  "172.32.0.0",        "192.0.1.1",
                              "192.167.255.255", "192.169.0.0",       "198.17.255.255",
                              "198.20.0.0",      "169.253.255.255",   "223.255.255.255",
                              "2606:4700::1111", "[2606:4700::1111]", "2002:0808:0808::",
                              "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8",  "64:ff9b:2::1",
                              "fbff::1",         "registry.example",  "",
                              "127.1",           "0x7f.0.0.1",        "::1%lo"})
    EXPECT_FALSE(is_internal_address(address)) << address;
}

TEST(ProxyRules, KnowLoopbackHosts) {
  for (const char* host : {"localhost", "LOCALHOST", "localhost.", "registry.localhost",
                           "127.0.0.1", "127.1.2.3", "::1", "[::1]", "[::ffff:127.0.0.1]"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host :
       {"localhost.example", "notlocalhost", "128.0.0.1", "[::2]", "0.0.0.0", ""})
    EXPECT_FALSE(is_loopback_host(host)) << host;
}

}  // namespace
}  // namespace ocisync
