// Fetching blobs: whole, cut, resumed, and from servers that get it wrong.

#include "registry/blob_transfer.h"
#include "rig.h"

namespace ocisync {
namespace {

class Blobs : public Rig {
 protected:
  static std::string patterned(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
      text[i] = static_cast<char>('a' + i * 7 % 26);
    return text;
  }

  void serve(std::string bytes) {
    bytes_ = std::move(bytes);
    blob_ = registry_.add_blob("team/web", bytes_);
  }

  void replies(std::vector<Reply> all) {
    http_.on("GET https://registry.example.com/v2/team/web/blobs/" + blob_.digest.str(),
             std::move(all));
  }

  void fetch() { client().blob(ref(), blob_, kept_.target(), counts_, {}); }

  Reply cut(std::size_t at) const {
    Reply reply{200, {}, bytes_.substr(0, at)};
    reply.failure = Error(Reason::unavailable, "cut");
    return reply;
  }

  Reply part(std::size_t from, std::size_t to) const {
    Reply reply{
        206,
        {{"Content-Range", fmt::format("bytes {}-{}/{}", from, bytes_.size() - 1, bytes_.size())},
         {"Content-Length", std::to_string(bytes_.size() - from)}},
        bytes_.substr(from, to - from)};
    if (to < bytes_.size())
      reply.failure = Error(Reason::unavailable, "cut");
    return reply;
  }

  std::string bytes_ = patterned(100'000);
  Descriptor blob_ = registry_.add_blob("team/web", bytes_);
  KeptBlob kept_;
};

TEST_F(Blobs, ComeWholeInOneRequest) {
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
  EXPECT_EQ(counts_.requests, 1U);
  EXPECT_EQ(counts_.bytes, bytes_.size());
  EXPECT_EQ(http_.seen().at(0).header("Range"), "");
}

TEST_F(Blobs, ThatAreThereAlreadyCostNothing) {
  kept_.kept.text = bytes_;
  fetch();
  serve("");
  kept_ = {};
  fetch();
  EXPECT_TRUE(lines().empty());
}

TEST_F(Blobs, ThatWereCutContinueWhereTheyStopped) {
  replies({cut(70'000), part(70'000, 100'000)});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
  EXPECT_EQ(http_.seen().at(1).header("Range"), "bytes=70000-");
  EXPECT_EQ(kept_.restarts, 0);
  EXPECT_EQ(counts_.bytes, bytes_.size());
}

TEST_F(Blobs, ThatWereCutEarlyBeginAnew) {
  replies({cut(100), {200, {}, bytes_}});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
  EXPECT_EQ(http_.seen().at(1).header("Range"), "");
  EXPECT_EQ(kept_.restarts, 1);
  EXPECT_EQ(counts_.bytes, bytes_.size() + 100) << "what was paid for twice counts twice";
}

TEST_F(Blobs, ThatWereCutEarlyContinueWhenMuchIsMissing) {
  serve(patterned(2 << 20));
  replies({cut(100), part(100, 2 << 20)});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
}

TEST_F(Blobs, ThatEndQuietlyTooSoonAreCutToo) {
  replies({{200, {}, bytes_.substr(0, 80'000)}, part(80'000, 100'000)});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
}

TEST_F(Blobs, ThatStallForeverFailAfterThreeTries) {
  replies({cut(70'000), part(70'000, 70'001), part(70'001, 70'002), part(70'002, 70'003)});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::unavailable);
  EXPECT_EQ(lines().size(), 3U);
}

TEST_F(Blobs, ThatKeepComingInPiecesAreNotGivenUp) {
  serve(patterned(12 << 20));
  std::vector<Reply> pieces = {cut(2 << 20)};
  for (std::size_t at = 2; at < 12; at += 2)
    pieces.push_back(part(at << 20, (at + 2) << 20));
  replies(pieces);
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
  EXPECT_EQ(lines().size(), 6U);
}

TEST_F(Blobs, ThatKeepComingInPiecesEndSomewhere) {
  serve(patterned(24 << 20));
  std::vector<Reply> pieces = {cut(1 << 20)};
  for (std::size_t at = 1; at < 24; ++at)
    pieces.push_back(part(at << 20, (at + 1) << 20));
  replies(pieces);
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::unavailable);
  EXPECT_EQ(lines().size(), 20U);
}

TEST_F(Blobs, OfAServerWithoutRangesBeginAnew) {
  replies({cut(70'000), {200, {}, bytes_}});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
  EXPECT_EQ(http_.seen().at(1).header("Range"), "bytes=70000-");
  EXPECT_EQ(kept_.restarts, 1);
}

TEST_F(Blobs, WithAnotherPartThanAskedForBeginAnewOnce) {
  const std::vector<std::vector<std::pair<std::string, std::string>>> wrong = {
      {{"Content-Range", "bytes 0-99999/100000"}},
      {{"Content-Range", "bytes 70001-99999/100000"}},
      {{"Content-Range", "bytes 70000-99998/100000"}},
      {{"Content-Range", "bytes 70000-99999/100001"}},
      {{"Content-Range", "bytes 70000-/100000"}},
      {{"Content-Range", "nonsense"}},
      {{"Content-Type", "multipart/byteranges; boundary=x"}},
      {},
  };
  for (const auto& headers : wrong) {
    http_.forget();
    kept_ = {};
    replies({cut(70'000), {206, headers, bytes_.substr(70'000)}, {200, {}, bytes_}});
    fetch();
    EXPECT_EQ(kept_.kept.text, bytes_);
    EXPECT_EQ(http_.seen().at(2).header("Range"), "");
  }
  kept_ = {};
  replies({cut(70'000), {206, {}, bytes_.substr(70'000)}, part(0, 100'000)});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::protocol_violation);
}

TEST_F(Blobs, TakeAPartOfUnknownTotal) {
  replies({cut(70'000), {206, {{"Content-Range", "bytes 70000-99999/*"}}, bytes_.substr(70'000)}});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
}

TEST_F(Blobs, InPartsNobodyAskedForBreakTheProtocol) {
  replies({part(0, 100'000)});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::protocol_violation);
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Blobs, WhoseRangeIsRefusedBeginAnewOnce) {
  replies({cut(70'000), {416}, {200, {}, bytes_}});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
  kept_ = {};
  replies({cut(70'000), {416}, {416}});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::protocol_violation);
}

TEST_F(Blobs, OfAnotherSizeAreRefusedBeforeTheyAreRead) {
  for (const std::string length : {"99999", "100001", "0"}) {
    http_.forget();
    kept_ = {};
    replies({{200, {{"Content-Length", length}}, bytes_}});
    EXPECT_EQ(reason_of([&] { fetch(); }), Reason::digest_mismatch);
    EXPECT_EQ(kept_.kept.text, "");
    EXPECT_EQ(lines().size(), 1U);
  }
}

TEST_F(Blobs, ThatDoNotEndStopAtTheFirstByteTooMany) {
  replies({{200, {}, bytes_ + patterned(1 << 20)}});
  EXPECT_EQ(reason_of([&] { fetch(); }), Reason::digest_mismatch);
  EXPECT_LE(kept_.kept.text.size(), bytes_.size());
}

TEST_F(Blobs, AreTakenAsTheyAreWhateverTheirEncodingIsCalled) {
  replies({{200, {{"Content-Encoding", "gzip"}, {"Content-Type", "text/html"}}, bytes_}});
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
}

TEST_F(Blobs, ThatCannotBeStoredAreNotAskedForAgain) {
  class Full final : public Sink {
    void write(Bytes) override { throw Error(Reason::disk_full, "no space"); }
  } full;

  const BlobTarget target{full, [] { return std::uint64_t{0}; }, [] {}};
  EXPECT_EQ(reason_of([&] { client().blob(ref(), blob_, target, counts_, {}); }),
            Reason::disk_full);
  EXPECT_EQ(lines().size(), 1U);
}

TEST_F(Blobs, ResumeWithAFreshTokenWhenTheOldOneLapsedInBetween) {
  registry_.auth = FakeRegistry::Auth::bearer;
  bool cut_once = false;
  http_.otherwise([&](const ScriptedHttp::Seen& seen) {
    Reply reply = registry_(seen);
    if (reply.status != 200 || seen.url.path().find("/blobs/") == std::string::npos)
      return reply;
    if (std::exchange(cut_once, true))
      return part(70'000, 100'000);
    registry_.revoke_tokens();
    return cut(70'000);
  });
  fetch();
  EXPECT_EQ(kept_.kept.text, bytes_);
  EXPECT_EQ(registry_.token_requests, 2U);
}

TEST_F(Blobs, ThatAreMissingAreNotFound) {
  replies({{404, {}, R"({"errors":[{"code":"BLOB_UNKNOWN"}]})"}});
  const auto error = failure_of([&] { fetch(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->reason(), Reason::not_found);
  EXPECT_NE(std::string(error->what()).find("BLOB_UNKNOWN"), std::string::npos);
}

TEST(ContentRange, IsReadStrictly) {
  struct Row {
    std::string_view text;
    std::optional<ContentRange> expected;
  };

  const Row rows[] = {
      {"bytes 0-9/10", ContentRange{0, 9, 10}},
      {"Bytes 5-9/*", ContentRange{5, 9, std::nullopt}},
      {" bytes 5-5/6 ", ContentRange{5, 5, 6}},
      {"bytes */10", std::nullopt},
      {"bytes 9-5/10", std::nullopt},
      {"bytes 5-9", std::nullopt},
      {"bytes=5-9/10", std::nullopt},
      {"bytes -5/10", std::nullopt},
      {"bytes 5-/10", std::nullopt},
      {"bytes 5-9/", std::nullopt},
      {"bytes 5-9/x", std::nullopt},
      {"bytes +5-9/10", std::nullopt},
      {"bytes 5-99999999999999999999/100000000000000000000", std::nullopt},
      {"", std::nullopt},
      {"-/", std::nullopt},
      {"items 0-9/10", std::nullopt},
  };
  for (const Row& row : rows)
    EXPECT_EQ(parse_content_range(row.text), row.expected) << row.text;
}

}  // namespace
}  // namespace ocisync
