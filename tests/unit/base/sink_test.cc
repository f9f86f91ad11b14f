#include "base/sink.h"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace ocisync {
namespace {

TEST(CappedBuffer, TakesExactlyItsCeiling) {
  CappedBuffer buffer(5, "the manifest");
  buffer.write(as_bytes("abc"));
  buffer.write(as_bytes("de"));
  EXPECT_EQ(buffer.text(), "abcde");
  const auto error = error_of([&] { buffer.write(as_bytes("f")); });
  EXPECT_EQ(error->reason(), Reason::limit_exceeded);
  EXPECT_EQ(error->message(), "the manifest is larger than 5 bytes");
  EXPECT_EQ(buffer.take(), "abcde");
}

TEST(MemorySource, GivesItsBytesInPiecesAndThenTheEnd) {
  MemorySource source(as_bytes("abcdef"));
  std::array<std::byte, 4> room{};
  EXPECT_EQ(source.read(room), 4U);
  EXPECT_EQ(as_text(room), "abcd");
  EXPECT_EQ(source.read(room), 2U);
  EXPECT_EQ(as_text(Bytes(room).first(2)), "ef");
  EXPECT_EQ(source.read(room), 0U);
}

}  // namespace
}  // namespace ocisync
