#include "services/promotion_receiver/pipeline/pipeline_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "common/clock/fake_clock.h"
#include "common/path/temporary_directory.h"
#include "common/testing/eventually.h"

namespace gitops {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Yaml(const std::string& name, const std::string& app = "search",
                 const std::string& name_space = "shopping") {
  return absl::StrCat(
      "apiVersion: pipelines.weave.works/v1alpha1\nkind: Pipeline\nmetadata: {name: ", name,
      ", namespace: ", name_space, "}\nspec:\n  appRef: {kind: HelmRelease, name: ", app,
      "}\n  environments: [{name: dev}, {name: prod}]\n");
}

class PipelineSetTest : public testing::Test {
 protected:
  void Open() {
    auto opened =
        PipelineSet::Open(directory_.path(), &clock_, scheduler_.get(), [this] { ++changes_; });
    ASSERT_TRUE(opened.ok()) << opened.status();
    set_ = *std::move(opened);
  }
  // As an editor writes it, so that the change shows whatever the clock does.
  void Write(const std::string& name, const std::string& text) {
    directory_.Write("new", text);
    std::filesystem::rename(directory_ / "new", directory_ / name);
  }
  // Lets the set look, until it has published something.
  void AwaitChange() {
    const int before = changes_;
    set_->Reload();
    EXPECT_TRUE(Eventually([&] { return changes_ > before; }));
  }
  std::string App(const std::string& name = "search") {
    const Pipeline* const pipeline = set_->Now()->Find("shopping", name);
    return pipeline == nullptr ? "none" : pipeline->app.name;
  }

  FakeClock clock_;
  TemporaryDirectory directory_;
  std::unique_ptr<Scheduler> scheduler_ = NewScheduler(&clock_, 1);
  std::atomic<int> changes_ = 0;
  std::unique_ptr<PipelineSet> set_;
};

TEST_F(PipelineSetTest, FilesOfTheDirectoryAreReadAndNoOthers) {
  Write("a.yaml", Yaml("search"));
  Write("b.yml", Yaml("cart", "cart"));
  Write("c.txt", Yaml("other"));
  Write(".d.yaml", Yaml("hidden"));
  Open();
  EXPECT_THAT(set_->Now()->entries, SizeIs(2));
  EXPECT_THAT(set_->Now()->bad, IsEmpty());
  EXPECT_EQ(App(), "search");
  EXPECT_EQ(App("cart"), "cart");
}

TEST_F(PipelineSetTest, ChangesAreSeenByThemselves) {
  Write("a.yaml", Yaml("search"));
  Open();
  const absl::Time loaded = set_->Now()->entries.begin()->second.load_time;
  Write("a.yaml", Yaml("search", "search2"));
  Write("b.yaml", Yaml("cart"));
  ASSERT_TRUE(clock_.AwaitWaiters(1));
  clock_.Advance(absl::Seconds(2));
  EXPECT_TRUE(Eventually([&] { return changes_ == 1; }));
  EXPECT_EQ(App(), "search2");
  EXPECT_EQ(App("cart"), "search");
  EXPECT_GT(set_->Now()->entries.begin()->second.load_time, loaded);
  std::filesystem::remove(directory_ / "a.yaml");
  AwaitChange();
  EXPECT_EQ(App(), "none");
  EXPECT_EQ(App("cart"), "search");
}

TEST_F(PipelineSetTest, BadFileKeepsItsLastGoodVersionUntilItIsGoodAgain) {
  Write("a.yaml", Yaml("search"));
  Open();
  Write("a.yaml", "nonsense: [");
  AwaitChange();
  EXPECT_EQ(App(), "search");
  EXPECT_THAT(set_->Now()->entries.begin()->second.error, HasSubstr("a.yaml:"));
  EXPECT_THAT(set_->Now()->bad, SizeIs(1));
  Write("b.yaml", Yaml("cart"));
  AwaitChange();
  EXPECT_EQ(App(), "search");
  Write("a.yaml", Yaml("search", "search2"));
  AwaitChange();
  EXPECT_EQ(App(), "search2");
  EXPECT_THAT(set_->Now()->bad, IsEmpty());
  EXPECT_EQ(set_->Now()->entries.begin()->second.error, "");
}

TEST_F(PipelineSetTest, FileThatWasNeverGoodIsReportedAndOthersWork) {
  Write("a.yaml", "nonsense: 1\n");
  Write("b.yaml", Yaml("search"));
  Open();
  EXPECT_EQ(App(), "search");
  ASSERT_THAT(set_->Now()->bad, SizeIs(1));
  EXPECT_EQ(set_->Now()->bad.begin()->first, directory_ / "a.yaml");
}

TEST_F(PipelineSetTest, TwoFilesWithOnePipelineKeepTheOneThatWasThere) {
  Write("b.yaml", Yaml("search"));
  Open();
  Write("a.yaml", Yaml("search", "other"));
  AwaitChange();
  EXPECT_EQ(App(), "search");
  ASSERT_THAT(set_->Now()->bad, SizeIs(1));
  EXPECT_THAT(set_->Now()->bad.begin()->second,
              HasSubstr("a.yaml: the pipeline shopping/search is already in " + directory_.path() +
                        "/b.yaml"));
  std::filesystem::remove(directory_ / "b.yaml");
  AwaitChange();
  EXPECT_EQ(App(), "other");
  EXPECT_THAT(set_->Now()->bad, IsEmpty());
}

TEST_F(PipelineSetTest, TwoPipelinesThatWouldHaveOneBranchAreRefused) {
  // promotion-a-b-c-prod
  Write("a.yaml", Yaml("b-c", "search", "a"));
  Write("b.yaml", Yaml("c", "search", "a-b"));
  Open();
  EXPECT_THAT(set_->Now()->entries, SizeIs(1));
  ASSERT_THAT(set_->Now()->bad, SizeIs(1));
  EXPECT_THAT(set_->Now()->bad.begin()->second,
              HasSubstr("b.yaml: the pipelines a-b/c and a/b-c would both have the branch "
                        "promotion-a-b-c-prod"));
}

TEST_F(PipelineSetTest, SymlinksAreNotFollowed) {
  TemporaryDirectory elsewhere;
  elsewhere.Write("p.yaml", Yaml("search"));
  std::filesystem::create_symlink(elsewhere / "p.yaml", directory_ / "a.yaml");
  Open();
  EXPECT_EQ(App(), "none");
  ASSERT_THAT(set_->Now()->bad, SizeIs(1));
  EXPECT_THAT(set_->Now()->bad.begin()->second,
              HasSubstr("a.yaml: it is a symlink to " + (elsewhere / "p.yaml") +
                        ", which is not followed, so no pipeline is read from it; put the file "
                        "itself here"));
}

class MountedConfigMap {
 public:
  explicit MountedConfigMap(const TemporaryDirectory& directory) : directory_(directory) {}
  // As Kubernetes writes it: a new directory, and one rename for all files.
  void Write(const std::string& app) {
    const std::string version = absl::StrCat("..2026_", ++version_);
    directory_.Write(version + "/search.yaml", Yaml("search", app));
    std::filesystem::create_symlink(version, directory_ / "..data_tmp");
    std::filesystem::rename(directory_ / "..data_tmp", directory_ / "..data");
    if (version_ > 1) {
      std::filesystem::remove_all(directory_ / absl::StrCat("..2026_", version_ - 1));
      return;
    }
    std::filesystem::create_symlink("..data/search.yaml", directory_ / "search.yaml");
  }

 private:
  const TemporaryDirectory& directory_;
  int version_ = 0;
};

TEST_F(PipelineSetTest, MountOfAConfigMapSaysWhichDirectoryToGive) {
  MountedConfigMap(directory_).Write("search");
  Open();
  EXPECT_EQ(App(), "none");
  ASSERT_THAT(set_->Now()->bad, SizeIs(1));
  EXPECT_THAT(set_->Now()->bad.begin()->second,
              HasSubstr("search.yaml: it is a symlink to ..data/search.yaml, which is not "
                        "followed, so no pipeline is read from it; for a mounted ConfigMap give "
                        "--pipelines " +
                        (directory_ / "..data")));
}

TEST_F(PipelineSetTest, DirectoryWithinTheMountOfAConfigMapIsReadAndFollowed) {
  MountedConfigMap mount(directory_);
  mount.Write("search");
  auto opened =
      PipelineSet::Open(directory_ / "..data", &clock_, scheduler_.get(), [this] { ++changes_; });
  ASSERT_TRUE(opened.ok()) << opened.status();
  set_ = *std::move(opened);
  EXPECT_EQ(App(), "search");
  mount.Write("search2");
  AwaitChange();
  EXPECT_EQ(App(), "search2");
  EXPECT_THAT(set_->Now()->bad, IsEmpty());
}

TEST_F(PipelineSetTest, DirectoryThatCannotBeReadKeepsAllPipelines) {
  Write("a.yaml", Yaml("search"));
  Open();
  std::filesystem::rename(directory_.path(), directory_.path() + ".moved");
  AwaitChange();
  EXPECT_EQ(App(), "search");
  EXPECT_THAT(set_->Now()->bad, SizeIs(1));
  std::filesystem::rename(directory_.path() + ".moved", directory_.path());
  AwaitChange();
  EXPECT_THAT(set_->Now()->bad, IsEmpty());
}

TEST_F(PipelineSetTest, DirectoryThatIsNotThereIsAnErrorAtTheStart) {
  EXPECT_TRUE(absl::IsNotFound(
      PipelineSet::Open(directory_ / "none", &clock_, scheduler_.get(), {}).status()));
  EXPECT_TRUE(absl::IsNotFound(PipelineSet::ReadOnce(directory_ / "none", &clock_).status()));
}

}  // namespace
}  // namespace gitops
