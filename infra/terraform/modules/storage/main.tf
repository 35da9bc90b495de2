# The programs' images and the concerts' posters.

variable "name" {
  description = "Prefix of names."
  type        = string
}

variable "account" {
  description = "Account id: bucket names are unique in all of AWS."
  type        = string
}

variable "programs" {
  description = "An image repository each."
  type        = set(string)
}

resource "aws_ecr_repository" "this" {
  for_each             = var.programs
  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "KMS"
  }
}

# The free tier holds 500 MB. Five releases are the ways back.
resource "aws_ecr_lifecycle_policy" "this" {
  for_each   = aws_ecr_repository.this
  repository = each.value.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "the last five"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 5 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_s3_bucket" "posters" {
  bucket = "${var.name}-posters-${var.account}"
}

resource "aws_s3_bucket_ownership_controls" "posters" {
  bucket = aws_s3_bucket.posters.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "posters" {
  bucket = aws_s3_bucket.posters.id

  rule {
    apply_server_side_encryption_by_default {
      # Posters are public; KMS could not serve them without a signature.
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "posters" {
  bucket = aws_s3_bucket.posters.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "posters" {
  bucket = aws_s3_bucket.posters.id

  rule {
    id     = "tidy"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }

    # A poster that was replaced can be had back for a month.
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}

# Anyone may read a poster whose name he knows; nobody may list them.
resource "aws_s3_bucket_public_access_block" "posters" {
  bucket                  = aws_s3_bucket.posters.id
  block_public_acls       = true
  ignore_public_acls      = true
  block_public_policy     = false
  restrict_public_buckets = false
}

data "aws_iam_policy_document" "posters" {
  statement {
    sid       = "ReadPosters"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.posters.arn}/posters/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }
  }

  statement {
    sid       = "HttpsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.posters.arn, "${aws_s3_bucket.posters.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "posters" {
  bucket     = aws_s3_bucket.posters.id
  policy     = data.aws_iam_policy_document.posters.json
  depends_on = [aws_s3_bucket_public_access_block.posters]
}

output "repository_urls" {
  description = "Image repository by program."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "repository_arns" {
  description = "For the rights to pull and push."
  value       = [for repository in aws_ecr_repository.this : repository.arn]
}

output "posters" {
  description = "The posters' bucket."
  value = {
    bucket = aws_s3_bucket.posters.id
    arn    = aws_s3_bucket.posters.arn
    url    = "https://${aws_s3_bucket.posters.bucket_regional_domain_name}"
  }
}
