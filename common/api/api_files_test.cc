#include "common/api/api_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

namespace gitops {
namespace {

TEST(ApiFiles, AreAllFilesOfTheFolder) {
  std::vector<std::string> in_folder;
  for (const auto& entry : std::filesystem::directory_iterator("proto/gitops/v1")) {
    if (entry.path().extension() == ".proto") {
      in_folder.push_back("gitops/v1/" + entry.path().filename().string());
    }
  }
  std::vector<std::string> known;
  for (const auto* file : ApiFiles()) known.push_back(file->name());
  EXPECT_FALSE(known.empty());
  EXPECT_THAT(known, testing::UnorderedElementsAreArray(in_folder));
}

}  // namespace
}  // namespace gitops
