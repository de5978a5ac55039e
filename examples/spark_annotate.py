"""Annotate a Parquet file of notes on Spark: ``spark-submit spark_annotate.py NOTES OUT`` (columns ``id``, ``text``).

Needs ``pip install medlink[formats] pyspark pandas``, and the pipeline package on all machines.
"""

import sys

from pyspark.sql import SparkSession

from medlink.bulk.spark import annotate_frames, spark_schema

notes, out = sys.argv[1:]
spark = SparkSession.builder.appName("medlink").getOrCreate()
rows = spark.read.parquet(notes).mapInPandas(annotate_frames("en_medlink_sm"), spark_schema())
rows.write.parquet(out)
