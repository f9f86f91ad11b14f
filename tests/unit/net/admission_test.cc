#include "net/admission.h"

#include <list>

#include <gtest/gtest.h>

namespace ocisync {
namespace {

// Transfers that wait, and a short word for which one may start.
class AdmissionTest : public ::testing::Test {
 protected:
  Transfer& ask(const std::string& host, std::uint32_t connections = 8) {
    auto route = std::make_shared<Route>();
    route->connections = connections;
    requests_.push_back({Method::get, *Url::parse("https://" + host + "/"), route});
    return transfers_.emplace_back(requests_.back());
  }

  Transfer& enqueue(const std::string& host, std::uint32_t connections = 8) {
    Transfer& transfer = ask(host, connections);
    admission_.enqueue(transfer);
    return transfer;
  }

  std::size_t start_all() {
    std::size_t count = 0;
    while (admission_.next() != nullptr)
      ++count;
    return count;
  }

  std::list<HttpRequest> requests_;
  std::list<Transfer> transfers_;
  Admission admission_{64};
};

TEST_F(AdmissionTest, FirstComeFirstServed) {
  Transfer& first = enqueue("b");
  Transfer& second = enqueue("a");
  Transfer& third = enqueue("b");
  EXPECT_EQ(admission_.next(), &first);
  EXPECT_EQ(admission_.next(), &second);
  EXPECT_EQ(admission_.next(), &third);
  EXPECT_EQ(admission_.next(), nullptr);
}

TEST_F(AdmissionTest, AnOriginGetsAsManyAsItsRouteAllows) {
  for (int i = 0; i < 5; ++i)
    enqueue("a", 2);
  Transfer* const running = admission_.next();
  EXPECT_EQ(start_all(), 1U);
  Transfer& other = enqueue("b", 2);
  EXPECT_EQ(admission_.next(), &other);
  admission_.release(*running);
  EXPECT_EQ(start_all(), 1U);
}

TEST_F(AdmissionTest, ZeroConnectionsMeansOne) {
  enqueue("a", 0);
  enqueue("a", 0);
  EXPECT_EQ(start_all(), 1U);
}

TEST_F(AdmissionTest, AnOriginThatMultiplexesIsBoundByHandlesOnly) {
  for (int i = 0; i < 100; ++i)
    enqueue("a", 2);
  Transfer* const first = admission_.next();
  admission_.learn(*first, 20);
  EXPECT_EQ(start_all(), 47U);
  admission_.learn(*first, 11);
  admission_.release(*first);
  EXPECT_EQ(start_all(), 0U);
}

TEST_F(AdmissionTest, NoOriginTakesTheLastHandles) {
  for (const char* host : {"a", "b", "c", "d"})
    for (int i = 0; i < 100; ++i)
      enqueue(host, 100);
  EXPECT_EQ(start_all(), 64U);
  EXPECT_EQ(admission_.next(), nullptr);
}

TEST_F(AdmissionTest, SilentOriginsLeaveRoomForOthers) {
  for (int i = 0; i < 100; ++i)
    enqueue("silent", 100);
  EXPECT_EQ(start_all(), 48U);
  for (int i = 0; i < 100; ++i)
    enqueue("silent-too", 100);
  EXPECT_EQ(start_all(), 12U);
  Transfer& lively = enqueue("lively");
  EXPECT_EQ(admission_.next(), &lively);
}

TEST_F(AdmissionTest, DropsWhatIsNoLongerWanted) {
  Transfer& kept = enqueue("a");
  Transfer& dropped = enqueue("a");
  dropped.cancel();
  const auto gone = admission_.drop([](const Transfer& each) { return each.cancelled(); });
  EXPECT_EQ(gone, std::vector<Transfer*>{&dropped});
  EXPECT_EQ(admission_.next(), &kept);
  EXPECT_EQ(admission_.next(), nullptr);
}

TEST_F(AdmissionTest, RemembersNoOriginForever) {
  for (int i = 0; i < 2000; ++i) {
    enqueue("host" + std::to_string(i));
    admission_.release(*admission_.next());
  }
  EXPECT_LE(admission_.origins(), 300U);
}

}  // namespace
}  // namespace ocisync
