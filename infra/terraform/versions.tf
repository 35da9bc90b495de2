terraform {
  # A variable's validation may look at another since 1.9.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.90"
    }
  }

  # terraform init -backend-config=backend.hcl; backend.hcl.example shows what it needs.
  backend "s3" {
    key     = "ticket-queue/terraform.tfstate"
    encrypt = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      project     = "ticket-queue"
      environment = var.environment
      made_by     = "terraform"
    }
  }
}
