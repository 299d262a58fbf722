#include "common/memory/memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace gitops {
namespace {

constexpr size_t kPage = 4096;
constexpr size_t kPages = 256;

// Constants that nobody else uses, so that they fill pages of their own.
alignas(kPage) const volatile unsigned char kConstants[kPages * kPage] = {7, 8, 9};
alignas(kPage) unsigned char written[kPages * kPage] = {1};

uint64_t SumOfConstants() {
  return std::accumulate(std::begin(kConstants), std::end(kConstants), uint64_t{0});
}

// How many pages of the range are in this process's memory, by bit 63 of its pagemap.
size_t PagesHeld(const volatile void* begin) {
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  std::vector<uint64_t> entries(kPages);
  const auto size = static_cast<ssize_t>(entries.size() * sizeof(uint64_t));
  const auto offset = static_cast<off_t>(reinterpret_cast<uintptr_t>(begin) / kPage * 8);
  EXPECT_EQ(pread(pagemap, entries.data(), static_cast<size_t>(size), offset), size);
  close(pagemap);
  size_t held = 0;
  for (const uint64_t entry : entries) held += entry >> 63;
  return held;
}

TEST(ReturnUnusedMemory, ConstantsAreGivenBackAndReadAgain) {
  const uint64_t before = SumOfConstants();
  ASSERT_EQ(PagesHeld(kConstants), kPages);
  ReturnUnusedMemory();
  EXPECT_LT(PagesHeld(kConstants), kPages / 2);
  EXPECT_EQ(SumOfConstants(), before);
  EXPECT_EQ(kConstants[2], 9);
}

TEST(ReturnUnusedMemory, WhatWasWrittenStays) {
  for (size_t i = 0; i < sizeof(written); i += kPage)
    written[i] = static_cast<unsigned char>(i >> 12);
  const std::string heap(1 << 20, 'c');
  ReturnUnusedMemory();
  for (size_t i = 0; i < sizeof(written); i += kPage) {
    ASSERT_EQ(written[i], static_cast<unsigned char>(i >> 12)) << i;
  }
  EXPECT_EQ(heap, std::string(1 << 20, 'c'));
}

TEST(ReturnUnusedMemory, OtherThreadsGoOnMeanwhile) {
  LimitHeaps();
  std::vector<std::thread> threads;
  std::vector<size_t> done(4);
  for (size_t& count : done) {
    threads.emplace_back([&count] {
      for (int round = 0; round < 2000; ++round)
        count += std::to_string(round * 1'000'000).size() > 0;
    });
  }
  for (int round = 0; round < 50; ++round) ReturnUnusedMemory();
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(done, std::vector<size_t>(4, 2000));
}

}  // namespace
}  // namespace gitops
