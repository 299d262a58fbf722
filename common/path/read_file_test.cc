#include "common/path/read_file.h"

#include <string>

#include "common/path/temporary_directory.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;

TEST(ReadWholeFile, ReturnsEveryByteOfFilesOfAnySize) {
  TemporaryDirectory box;
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65536}, size_t{1} << 20}) {
    std::string content(size, 'x');
    if (size > 0) content[size / 2] = '\0';
    box.Write("file", content);
    auto read = ReadWholeFile(box / "file", size);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(*read, content);
  }
  auto proc = ReadWholeFile("/proc/self/mountinfo");
  ASSERT_TRUE(proc.ok()) << proc.status();
  EXPECT_EQ(proc->back(), '\n');
}

TEST(ReadWholeFile, ErrorsNameTheFileAndOnlyAMissingOneIsNotFound) {
  TemporaryDirectory box;
  box.Write("file", "12345");
  EXPECT_EQ(ReadWholeFile(box / "file", 4).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadWholeFile(box / "none").status().code(), absl::StatusCode::kNotFound);
  const absl::Status directory = ReadWholeFile(box.path()).status();
  EXPECT_FALSE(absl::IsNotFound(directory));
  EXPECT_THAT(std::string(directory.message()), HasSubstr(box.path()));
}

}  // namespace
}  // namespace gitops
